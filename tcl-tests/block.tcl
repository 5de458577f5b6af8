# Commands that wait for lists: who gets what and when, over transactions, databases, pauses, stops and crashes.
# tags: block

proc blocked {} {
    return [info_field blocked_clients]
}

# n clients that wait, one after the other, each with the same words.
proc waiting {n args} {
    set before [blocked]
    set out {}
    for {set i 1} {$i <= $n} {incr i} {
        set c [new_client]
        $c send {*}$args
        eventually 5000 {[blocked] == $before + $i}
        lappend out $c
    }
    return $out
}

server {} {
    test "First come, first served, and each what it asks for" {
        set pop [waiting 1 blpop a b 0]
        set many [waiting 1 blmpop 0 2 b a right count 10]
        set move [waiting 1 blmove a c left right 0]
        set last [waiting 1 brpop a 0]
        equal [info_field total_blocking_keys] 2
        equal [r rpush a 1 2 3 4 5] 5
        equal [$pop read] {a 1}
        equal [$many read] {a {5 4 3 2}}
        equal [list [blocked] [r exists a]] {2 0}
        equal [r rpush a 6 7] 2
        equal [$move read] 6
        equal [$last read] {a 7}
        equal [r lrange c 0 -1] 6
        equal [list [blocked] [info_field total_blocking_keys]] {0 0}
        foreach c [list $pop $many $move $last] {
            $c close
        }
    }

    test "A chain of moves is over before the next command" {
        r del x1 x2 x3
        set a [waiting 1 blmove x1 x2 left left 0]
        set b [waiting 1 blmove x2 x3 left left 0]
        set c [waiting 1 blpop x3 0]
        r multi
        r rpush x1 v
        r llen x1
        equal [r exec] {1 1}
        equal [r exists x1 x2 x3] 0
        equal [list [$a read] [$b read] [$c read]] {v v {x3 v}}
        $a close; $b close; $c close
    }

    test "Times end one after the other and not early" {
        set start [clock milliseconds]
        set c [waiting 1 blpop none 0.6]
        set d [waiting 1 blmpop 0.3 1 none left]
        equal [$d read] {}
        between 300 [expr {[clock milliseconds] - $start}] 5000
        equal [$c read] {}
        between 600 [expr {[clock milliseconds] - $start}] 5000
        $c close; $d close
    }

    test "A key that comes from elsewhere" {
        foreach {how} {
            {r rename other k}
            {r copy other k}
            {r select 1; r rpush k v; r move k 0; r select 0}
            {r swapdb 0 1; r del other; r swapdb 0 1; r rpush k v}
            {r select 1; r rpush k v; r swapdb 0 1; r swapdb 0 1; r select 0; r rpush k v}
        } {
            r flushall
            r rpush other v
            set c [waiting 1 blpop k 0]
            eval $how
            equal [$c read] {k v} $how
            $c close
        }
        r flushall
    }

    test "Another type is none of its business" {
        set c [waiting 1 blpop k 0]
        r set k string
        equal [blocked] 1
        r del k
        r rpush k v
        equal [$c read] {k v}
        $c close
        set c [waiting 1 blmove k string left left 0]
        r set string x
        r rpush k v
        refuses WRONGTYPE* {$c read}
        equal [r lrange k 0 -1] v
        r del k string
        $c close
    }

    test "The database is the client's, not the command's" {
        r select 3
        set c [new_client]
        $c select 3
        $c send blpop k 0
        eventually 5000 {[blocked] == 1}
        r select 0
        r rpush k zero
        equal [blocked] 1
        r select 3
        r rpush k three
        equal [$c read] {k three}
        $c close
        r select 0
        r del k
    }

    test "A client that goes takes nothing with it" {
        set a [waiting 1 blpop k 0]
        set b [waiting 1 blpop k 0]
        $a send ignored
        $a close
        eventually 5000 {[blocked] == 1}
        r rpush k v
        equal [$b read] {k v}
        $b close
    }

    test "What was sent behind a blocking command runs after it" {
        set c [waiting 1 blpop k 0]
        $c send set behind yes
        $c send blpop k 0
        $c send get behind
        r rpush k 1
        equal [list [$c read] [$c read]] {{k 1} OK}
        eventually 5000 {[blocked] == 1}
        r rpush k 2
        equal [list [$c read] [$c read]] {{k 2} yes}
        $c close
    }

    test "A pause of writing holds the woken, too" {
        set c [waiting 1 blpop k 0]
        set start [clock milliseconds]
        r multi
        r client pause 300 write
        r rpush k v
        r exec
        equal [r lrange k 0 -1] v
        equal [$c read] {k v}
        assert {[clock milliseconds] - $start > 200}
        $c close
    }

    test "The statistics count one call" {
        r config resetstat
        set c [waiting 1 blpop k 0]
        assert {![string match *cmdstat_blpop* [r info commandstats]]}
        r rpush k v
        $c read
        like [r info commandstats] *cmdstat_blpop:calls=1,*
        $c close
    }

    test "Many clients of one key" {
        set clients [waiting 200 blpop k 0]
        set values {}
        for {set i 0} {$i < 200} {incr i} {
            lappend values $i
        }
        r rpush k {*}$values
        set i 0
        foreach c $clients {
            equal [$c read] [list k $i]
            $c close
            incr i
        }
        equal [list [blocked] [r exists k]] {0 0}
    }

    test "What the woken took stays taken after a crash" {
        r rpush keep 1
        set a [waiting 1 blpop k 0]
        set b [waiting 1 blmove k l left left 0]
        r rpush k 1 2 3
        $a read
        $b read
        crash
        equal [list [r lrange k 0 -1] [r lrange l 0 -1] [r lrange keep 0 -1]] {3 2 1}
        catch {$a close}
        catch {$b close}
    }

    test "A blocked client does not hold up a stop" {
        set c [waiting 1 blpop nothing 0]
        restart
        equal [r ping] PONG
        catch {$c close}
    }
}

# Lists: against a model, at the limits of their encodings, over reloads, restarts and crashes; their notifications.
# providers: all
# tags: list

# The list command done to a Tcl list, in the variable model; the answer that the server should give.
proc on_model {command args} {
    upvar 1 model model
    lassign $args a b c
    set n [llength $model]
    switch $command {
        rpush { lappend model {*}$args; return [llength $model] }
        lpush { set model [concat [lreverse $args] $model]; return [llength $model] }
        lpop { set got [lindex $model 0]; set model [lrange $model 1 end]; return $got }
        rpop { set got [lindex $model end]; set model [lrange $model 0 end-1]; return $got }
        lpopn { set got [lrange $model 0 $a-1]; set model [lrange $model $a end]; return $got }
        rpopn {
            set got [lreverse [lrange $model end-[expr {$a - 1}] end]]
            set model [lrange $model 0 end-$a]
            return $got
        }
        lindex { return [lindex $model [expr {$a < 0 ? $n + $a : $a}]] }
        lrange { lassign [bounds $n $a $b] from to; return [lrange $model $from $to] }
        ltrim { lassign [bounds $n $a $b] from to; set model [lrange $model $from $to]; return OK }
        llen { return $n }
        lset {
            set a [expr {$a < 0 ? $n + $a : $a}]
            if {$n == 0} { return {ERR no such key} }
            if {$a < 0 || $a >= $n} { return {ERR index out of range} }
            lset model $a $b
            return OK
        }
        linsert {
            set at [lsearch -exact $model $b]
            if {$at < 0} { return [expr {$n ? -1 : 0}] }
            set model [linsert $model [expr {$a eq "after" ? $at + 1 : $at}] $c]
            return [llength $model]
        }
        lpos { set at [lsearch -exact $model $a]; return [expr {$at < 0 ? {} : $at}] }
        lrem {
            set left [expr {$a == 0 ? $n : abs($a)}]
            set removed 0
            set order $model
            if {$a < 0} { set order [lreverse $model] }
            set kept {}
            foreach e $order {
                if {$removed < $left && $e eq $b} { incr removed } else { lappend kept $e }
            }
            set model $kept
            if {$a < 0} { set model [lreverse $kept] }
            return $removed
        }
        rotate {
            if {$n == 0} { return "" }
            set from [expr {$a eq "left" ? 0 : "end"}]
            set e [lindex $model $from]
            set model [lreplace $model $from $from]
            if {$b eq "left"} { set model [linsert $model 0 $e] } else { lappend model $e }
            return $e
        }
    }
}

proc bounds {n from to} {
    set from [expr {$from < 0 ? max(0, $n + $from) : $from}]
    set to [expr {$to < 0 ? $n + $to : $to}]
    return [list $from $to]
}

proc on_server {command args} {
    lassign $args a b
    switch $command {
        lpopn { set line [list lpop k $a] }
        rpopn { set line [list rpop k $a] }
        rotate { set line [list lmove k k $a $b] }
        default { set line [list $command k {*}$args] }
    }
    catch {r {*}$line} answer
    return $answer
}

# A random element: short, a number, or long; from few enough that they repeat.
proc element {long} {
    switch [random 4] {
        0 { return [random 50] }
        1 { return [expr {[random 2000000] * 1000003 - 1000000000000}] }
        2 { return e[random 30] }
        3 { return [string repeat [random 10] [expr {1 + [random $long]}]] }
    }
}

proc random_step {n long grow} {
    set at [expr {[random [expr {$n + 4}]] - 2}]
    set word [expr {$at - [random 2] * $n}]
    set side [lindex {left right} [random 2]]
    set other [lindex {left right} [random 2]]
    set e [element $long]
    switch [random [expr {$grow ? 14 : 20}]] {
        0 - 1 - 2 { return [list rpush $e [element $long] [element $long]] }
        3 - 4 { return [list lpush $e [element $long]] }
        5 { return [list lindex $word] }
        6 { return [list lrange $word [expr {$word + [random 20]}]] }
        7 { return [list linsert [lindex {before after} [random 2]] $e [element $long]] }
        8 { return [list lset $word $e] }
        9 { return [list lpos $e] }
        10 { return [list lrem [expr {[random 5] - 2}] $e] }
        11 { return [list rotate $side $other] }
        12 { return lpop }
        13 { return rpop }
        14 { return [list lpopn [expr {1 + [random 30]}]] }
        15 { return [list rpopn [expr {1 + [random 30]}]] }
        16 { return [list ltrim [random 10] [expr {-1 - [random 10]}]] }
        17 { return [list ltrim [random 60] [expr {$n / 2 + [random 60]}]] }
        18 { return [list lrem 0 $e] }
        19 { return llen }
    }
}

# Random commands to server and model; every so often the server is made to read the list back.
proc against_model {steps long again} {
    set model {}
    r del k
    for {set i 0} {$i < $steps} {incr i} {
        set step [random_step [llength $model] $long [expr {$i / 300 % 2 == 0}]]
        set want [on_model {*}$step]
        equal [on_server {*}$step] $want "step $i: [clip $step]"
        if {$i % 200 == 199} {
            uplevel #0 $again
            equal [r lrange k 0 -1] $model "step $i, after $again"
            equal [r llen k] [llength $model]
        }
    }
    equal [r exists k] [expr {[llength $model] > 0}]
}

server {fold-interval 20} {
    test "Small lists do as the model does" {
        seed 1
        against_model 3000 10 {r debug reload}
    }

    test "Lists of many pages do as the model does" {
        seed 2
        against_model 6000 3000 {r debug reload}
    }

    test "Lists survive crashes" {
        seed 3
        against_model 2400 1500 crash
    }

    test "Encodings of a list limited by bytes" {
        r del k
        # 7 bytes frame it, each element of 10 bytes takes 12; what is about to come counts without its frame
        set n [expr {(8192 - 7 - 10) / 12 + 1}]
        for {set i 0} {$i < $n} {incr i} {
            r rpush k abcdefghij
        }
        equal [r object encoding k] listpack
        r rpush k abcdefghij
        equal [r object encoding k] quicklist
        r debug reload
        equal [r object encoding k] quicklist
        # back at half of it
        set half [expr {(4096 - 7) / 12}]
        r ltrim k 0 $half
        equal [r object encoding k] quicklist
        r rpop k
        equal [r object encoding k] listpack
        r debug reload
        equal [r object encoding k] listpack
        # numbers take less than their digits
        r del k
        for {set i 0} {$i < 1000} {incr i} {
            r lpush k [expr {1000000 + $i}]
        }
        equal [r object encoding k] listpack
        r del k
        r rpush k a b [string repeat x 8190]
        equal [r object encoding k] quicklist
        r lset k 2 c
        equal [r object encoding k] listpack
        r linsert k before b [string repeat x 8192]
        equal [r object encoding k] quicklist
    }

    test "Encodings of a list limited by its count" {
        r config set list-max-listpack-size 8
        r del k l
        r rpush k 1 2 3 4 5 6 7 8
        equal [r object encoding k] listpack
        r rpush k 9
        equal [r object encoding k] quicklist
        r lpop k 4
        equal [r object encoding k] quicklist
        r lpop k
        equal [r object encoding k] listpack
        r copy k l
        equal [r object encoding l] listpack
        r config set list-max-listpack-size -2
    }

    test "A large list answers in the middle" {
        r del big
        for {set i 0} {$i < 200} {incr i} {
            set part {}
            for {set j 0} {$j < 1000} {incr j} {
                lappend part [expr {$i * 1000 + $j}]
            }
            r queue rpush big {*}$part
        }
        r flush
        for {set i 0} {$i < 200} {incr i} {
            r read
        }
        r debug reload
        seed 4
        for {set i 0} {$i < 500} {incr i} {
            set at [random 200000]
            equal [r lindex big $at] $at
        }
        equal [r lrange big 123456 123460] {123456 123457 123458 123459 123460}
        equal [r lpos big 150000] 150000
        equal [r linsert big before 150000 new] 200001
        equal [r lrange big 149999 150001] {149999 new 150000}
        equal [r lrem big -1 new] 1
        r ltrim big 50000 149999
        equal [list [r llen big] [r lindex big 0] [r lindex big -1]] {100000 50000 149999}
        crash
        equal [list [r llen big] [r lindex big 0] [r lindex big -1]] {100000 50000 149999}
        r rename big other
        equal [r lindex other 77777] 127777
        equal [r del other] 1
    }
}

server {} {
    test "A trim that removes nothing counts for WATCH, a search in vain does not" {
        set other [new_client]
        r rpush k a b
        foreach {command want} {
            {ltrim k 0 -1} {} {lrem k 0 x} PONG {linsert k before x y} PONG {lpop k 0} PONG {lset k 0 a} {}
        } {
            r watch k
            $other {*}$command
            r multi
            r ping
            equal [r exec] $want $command
        }
        $other close
    }
}

server {notify-keyspace-events KEAn} {
    set listener [new_client]
    $listener psubscribe __keyevent@*
    $listener psubscribe end

    proc events {args} {
        r {*}$args
        r publish end x
        set out {}
        while 1 {
            lassign [$::listener read] kind pattern channel message
            if {$channel eq "end"} {
                return $out
            }
            lappend out [string range $channel [expr {[string first : $channel] + 1}] end] $message
        }
    }

    test "Events of the list commands" {
        equal [events rpush k 1 2 3] {new k rpush k}
        equal [events lpush k 0] {lpush k}
        equal [events lpushx missing 0] {}
        equal [events linsert k after 0 x] {linsert k}
        equal [events linsert k after nothing x] {}
        equal [events lset k 0 y] {lset k}
        equal [events lrem k 0 nothing] {}
        equal [events lrem k 0 x] {lrem k}
        equal [events ltrim k 0 -1] {ltrim k}
        equal [events lpop k] {lpop k}
        equal [events rpop k 1] {rpop k}
        equal [events rpop k 0] {}
        equal [events lmove k l left right] {new l rpush l lpop k}
        equal [events lmove l l left right] {rpush l lpop l}
        equal [events rpoplpush k l] {lpush l rpop k del k}
        equal [events lmpop 2 k l left count 5] {lpop l del l}
        r rpush k 1 2
        $::listener read
        $::listener read
        equal [events ltrim k 5 9] {ltrim k del k}
        r rpush k 1 1
        $::listener read
        $::listener read
        equal [events lrem k -5 1] {lrem k del k}
    }
}

# Bad input hurts nobody but its sender.
# tags: protocol

# What the server answers to these bytes, and whether it hangs up.
proc answer_to {bytes} {
    set c [new_client]
    $c raw $bytes
    catch {$c read} answer
    set closed [catch {$c read} why]
    catch {$c close}
    return [list $answer [expr {$closed && [string match "*closed*" $why]}]]
}

server {} {
    test "Broken protocol is answered and the connection closed" {
        foreach {bytes want} {
            "*-10\r\n*1\r\n\$4\r\nPING\r\nQUIT\r\n" {PONG 0}
            "*3\r\n\$3\r\nSET\r\n\$1\r\nx\r\n\$2000000000\r\n" {{ERR Protocol error: invalid bulk length} 1}
            "*3\r\n\$3\r\nSET\r\n\$1\r\nx\r\n\$blabla\r\n" {{ERR Protocol error: invalid bulk length} 1}
            "*3000000000\r\n" {{ERR Protocol error: invalid multibulk length} 1}
            "*blabla\r\n" {{ERR Protocol error: invalid multibulk length} 1}
            "*1\r\nfoo\r\n" {{ERR Protocol error: expected '$', got 'f'} 1}
            "SET \"unbalanced\r\n" {{ERR Protocol error: unbalanced quotes in request} 1}
        } {
            client::set_timeout 2000
            lassign [answer_to [subst -novariables -nocommands $bytes]] answer closed
            client::set_timeout 60000
            equal $answer [lindex $want 0] $bytes
            if {[lindex $want 1]} {
                equal $closed 1 $bytes
            }
        }
        equal [r ping] PONG
    }

    test "Half a command and a hang-up change nothing" {
        set c [new_client]
        $c raw "*3\r\n\$3\r\nSET\r\n\$4\r\nhalf\r\n\$10\r\nabc"
        $c close
        after 50
        equal [r exists half] 0
    }

    test "CLIENT LIST tells how much of a large argument has come" {
        set c [new_client]
        $c client setname half
        $c raw "*2\r\n\$3\r\nGET\r\n\$50000\r\n[string repeat x 40000]"
        eventually 2000 {[string match "* name=half * qbuf=40000 * argv-mem=3 *" [r client list]]}
        $c close
    }

    test "A client above maxmemory-clients is gone before the next command" {
        set c [new_client]
        $c client setname large
        r config set maxmemory-clients 500000
        exec kill -STOP [server_pid]
        $c raw "*1\r\n\$600000\r\n[string repeat x 20000]"
        r queue client list
        r flush
        after 50
        exec kill -CONT [server_pid]
        equal [string match "* name=large *" [r read]] 0
        r config set maxmemory-clients 0
        $c close
    }

    test "Replies that leave at once do not count for maxmemory-clients" {
        r debug replybuffer resizing 0
        r echo x
        set total 0
        foreach {- bytes} [regexp -all -inline {tot-mem=(\d+)} [r client list]] {
            incr total $bytes
        }
        r config set maxmemory-clients [expr {$total + 2000}]
        for {set i 0} {$i < 20} {incr i} {
            equal [string length [r echo [string repeat x 8000]]] 8000
        }
        r config set maxmemory-clients 0
        r debug replybuffer resizing 1
    }

    test "maxmemory counts what a client takes at once" {
        r debug pause-cron 1
        for {set i 0} {$i < 200} {incr i} {
            r setrange fill:$i 1000 x
        }
        set limit [expr {[info_field used_memory] + 20000}]
        r config set maxmemory $limit maxmemory-policy allkeys-random
        set c [new_client]
        $c client setname filler
        $c raw "*2\r\n\$3\r\nGET\r\n\$100000\r\n[string repeat x 40000]"
        eventually 2000 {[string match "* name=filler * qbuf=40000 *" [r client list]]}
        for {set i 0} {$i < 50} {incr i} {
            r set x 1
        }
        assert {[info_field used_memory] <= $limit + 4096}
        assert {[r dbsize] < 200 && [r dbsize] > 50}
        $c close
        r config set maxmemory 0
        r flushall
        r debug pause-cron 0
    }

    test "Random bytes do not hurt" {
        seed 123
        for {set i 0} {$i < 100} {incr i} {
            set c [new_client]
            catch {
                $c raw [lindex {* "*1\r\n" "\$" "" "+" "\r\n"} [random 6]][random_bytes [random 300]]
            }
            catch {$c close}
        }
        equal [r ping] PONG
    }

    test "Inline commands" {
        set c [new_client]
        $c raw "set inline \"a b\\x41\"\r\nget inline\r\n"
        equal [$c read] OK
        equal [$c read] "a bA"
        $c close
    }

    test "A command in small pieces" {
        set c [new_client]
        foreach byte [split "*2\r\n\$4\r\nECHO\r\n\$11\r\nhello world\r\n" ""] {
            $c raw $byte
        }
        equal [$c read] "hello world"
        $c close
    }
}

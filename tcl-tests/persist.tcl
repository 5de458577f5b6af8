# What was acknowledged is there after a stop, a crash, a reload, under each way of syncing the log.
# tags: persist

foreach fsync {always everysec no} {
    server [list appendfsync $fsync] {
        test "Data survive SIGTERM and SIGKILL with appendfsync $fsync" [string map [list SEED [string length $fsync]] {
            seed SEED
            for {set round 0} {$round < 4} {incr round} {
                random_writes 400
                set before [state]
                if {$round % 2} {
                    restart
                } else {
                    crash
                }
                same_state [state] $before
            }
        }]
    }
}

server {fold-interval 20} {
    test "Data survive crashes while folds go on" {
        seed 77
        for {set round 0} {$round < 6} {incr round} {
            random_writes 500 200
            set before [state]
            crash
            same_state [state] $before
        }
    }

    test "DEBUG RELOAD reads everything back from the store" {
        seed 78
        for {set round 0} {$round < 6} {incr round} {
            random_writes 300 200
            set before [state]
            equal [r debug reload] OK
            same_state [state] $before
        }
    }

    test "DBSIZE is exact after a crash" {
        r flushall
        for {set i 0} {$i < 2000} {incr i} {
            r queue set k:$i v
        }
        for {set i 0} {$i < 2000} {incr i 3} {
            r queue del k:$i
        }
        r flush
        for {set i 0} {$i < 2667} {incr i} {
            r read
        }
        set n [r dbsize]
        equal $n 1333
        crash
        equal [r dbsize] $n
        equal [llength [lsort -unique [scan_all count 100]]] $n
    }

    test "FLUSHALL and FLUSHDB survive a crash" {
        r mset a 1 b 2
        r select 3
        r set c 3
        r flushdb
        r set d 4
        crash
        equal [lsort [r mget a b]] {1 2}
        r select 3
        equal [r keys *] d
        r flushall
        crash
        equal [r dbsize] 0
        r select 3
        equal [r dbsize] 0
        r select 0
    }

    test "A deadline that passes while the server is down" {
        r set short v PX 300
        r set long v PX 100000
        crash
        set deadline [r pexpiretime long]
        between [expr {[clock milliseconds] + 90000}] $deadline [expr {[clock milliseconds] + 100000}]
        after 400
        crash
        equal [r get short] {}
        equal [r exists short] 0
        equal [r get long] v
        equal [r pexpiretime long] $deadline
    }

    test "An increment of an expired counter is not replayed onto the former value" {
        r set n 100 PX 50
        after 80
        equal [r incr n] 1
        crash
        equal [r get n] 1
        equal [r ttl n] -1
    }
}

server {appendonly no} {
    test "Without a log a clean stop keeps everything" {
        seed 79
        random_writes 500
        set before [state]
        restart
        same_state [state] $before
    }
}

server {} {
    test "Nothing acknowledged is lost when the server is killed under load" {
        set clients {}
        for {set i 0} {$i < 4} {incr i} {
            lappend clients [new_client]
        }
        for {set round 0} {$round < 3} {incr round} {
            # Each client counts one key up in batches; an answer is an acknowledgement.
            foreach c $clients i {0 1 2 3} {
                set acked($i) 0
            }
            set killed 0
            set pid [server_pid]
            for {set batch 0} {!$killed} {incr batch} {
                foreach c $clients i {0 1 2 3} {
                    for {set n 0} {$n < 50} {incr n} {
                        $c queue incr counter:$i
                    }
                    $c flush
                }
                if {$batch == 20} {
                    exec kill -KILL $pid
                    set killed 1
                }
                foreach c $clients i {0 1 2 3} {
                    for {set n 0} {$n < 50} {incr n} {
                        if {[catch {$c read} v]} {
                            break
                        }
                        set acked($i) $v
                    }
                }
            }
            crash
            foreach c $clients {
                $c close
            }
            set clients {}
            for {set i 0} {$i < 4} {incr i} {
                lappend clients [new_client]
                assert {[r get counter:$i] >= $acked($i)}
            }
        }
    }

    test "A transaction is replayed whole or not at all" {
        set c [new_client]
        for {set round 0} {$round < 3} {incr round} {
            set pid [server_pid]
            for {set i 0} {$i < 200} {incr i} {
                foreach command {multi {incr left} {incr right} exec} {
                    $c queue {*}$command
                }
            }
            $c flush
            after [random 30]
            exec kill -KILL $pid
            $c close
            crash
            equal [r get left] [r get right]
            set c [new_client]
        }
    }
}

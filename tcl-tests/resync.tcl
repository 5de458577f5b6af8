# A master that was stopped or killed goes on with its stream: its replicas get what they missed, and no dump.
# tags: replication

proc port {} {
    return [dict get $srv::current port]
}

proc info_of {client section name} {
    regexp -line "^$name:(\[^\r\]*)" [$client info $section] -> value
    return $value
}

# A restarted server has another port.
proc follow {} {
    $::replica replicaof 127.0.0.1 [port]
}

proc in_step {} {
    eventually 20000 {[info_of $::replica replication master_link_status] eq "up" &&
        [info_of $::replica replication master_repl_offset] == [info_field master_repl_offset]}
    equal [$::replica debug digest] [r debug digest]
}

foreach {::log ::way} {yes crash yes restart no restart} {
    server {enable-debug-command yes} {
        set ::replica [new_client]
        set ::replica_pid [dict get $srv::current pid]

        server [list enable-debug-command yes appendonly $::log repl-ping-replica-period 1 shutdown-timeout 0] {
            follow
            r incr n
            in_step

            test "The stream goes on after a $::way, appendonly $::log" {
                for {set i 0} {$i < 4} {incr i} {
                    r select [expr {$i % 3}]
                    random_writes 200
                    if {$::log} {
                        # What the replica did not get before is still in the log.
                        exec kill -STOP $::replica_pid
                        random_writes 50
                    } else {
                        r wait 1 5000
                    }
                    $::way
                    exec kill -CONT $::replica_pid
                    follow
                    r incr n
                    in_step
                    equal [info_of [new_client] stats sync_full] 0
                    equal [info_of [new_client] stats sync_partial_ok] 1
                    equal [r wait 1 5000] 1
                }
            }
        }
    }
}

server {enable-debug-command yes} {
    set ::replica [new_client]

    server {enable-debug-command yes} {
        follow
        r incr n
        in_step

        test "A name that came and went names no position" {
            set id [info_of [new_client] replication master_replid]
            r replicaof 127.0.0.1 1
            r replicaof no one
            r incr n
            crash
            follow
            r incr n
            in_step
            equal [expr {[info_of [new_client] replication master_replid] ne $id}] 1
        }

        test "The log may be turned off and on" {
            r config set appendonly no
            r incr n
            r config set appendonly yes
            r select 2
            r incr n
            in_step
            crash
            follow
            r incr n
            in_step
            equal [info_of [new_client] stats sync_full] 0
        }
    }
}

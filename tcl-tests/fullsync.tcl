# A full synchronization: the data set stays until everything has come, dumps are shared, and so is what waits for replicas.
# tags: replication

proc port {} {
    return [dict get $srv::current port]
}

proc field {client section name} {
    regexp -line "^$name:(\[^\r\]*)" [$client info $section] -> value
    return $value
}

proc follow {client port} {
    $client replicaof 127.0.0.1 $port
}

server {enable-debug-command yes} {
    set ::master [new_client]
    set ::at [port]
    $::master debug populate 300 key 1000
    $::master function load "#!lua name=lib\nredis.register_function{function_name='f', callback=function() return 'master' end, flags={'no-writes'}}"

    foreach {::load ::sync} {disabled no disabled yes swapdb yes on-empty-db yes} {
        server {enable-debug-command yes} {
            set ::replica [new_client]
            r set own 1
            r function load "#!lua name=lib\nredis.register_function{function_name='f', callback=function() return 'own' end, flags={'no-writes'}}"
            r config set repl-diskless-load $::load

            test "A dump that ends too early leaves everything as it was ($::load, diskless $::sync)" {
                $::master config set repl-diskless-sync $::sync rdb-key-save-delay 20000
                follow $::replica $::at
                eventually 10000 {[field $::master persistence rdb_bgsave_in_progress] == 1}
                if {$::load eq "swapdb"} {
                    eventually 10000 {[field $::replica persistence loading] == 1}
                    refuses {LOADING *} {r get own}
                }
                $::master config set rdb-key-save-delay 0
                $::master client kill type replica
                eventually 10000 {[field $::replica persistence loading] == 0}
                equal [r get own] 1
                equal [r dbsize] 1
                equal [r fcall_ro f 0] own
            }

            test "Then all of it comes ($::load, diskless $::sync)" {
                eventually 20000 {[field $::replica replication master_link_status] eq "up"}
                equal [r exists own] 0
                equal [r dbsize] [$::master dbsize]
                equal [r fcall_ro f 0] master
                equal [r debug digest] [$::master debug digest]
            }

            test "A crash behind a full synchronization finds what it left ($::load, diskless $::sync)" {
                $::master set after $::load
                $::master wait 1 1000
                r replicaof no one
                crash
                equal [r debug digest] [$::master debug digest]
                equal [r fcall_ro f 0] master
            }

            if {$::load eq "swapdb"} {
                test "The data set serves while the same master sends another dump" {
                    set ::replica [new_client]
                    $::master config set repl-backlog-size 16384
                    r config set repl-diskless-load swapdb
                    follow $::replica $::at
                    eventually 20000 {[field $::replica replication master_link_status] eq "up"}
                    $::master config set rdb-key-save-delay 10000
                    $::master multi
                    $::master client kill type replica
                    $::master set large [string repeat x 100000]
                    $::master exec
                    eventually 10000 {[field $::replica persistence async_loading] == 1}
                    equal [field $::replica persistence loading] 0
                    equal [r get after] $::load
                    refuses {LOADING *} {r replicaof no one}
                    $::master config set rdb-key-save-delay 0
                    eventually 20000 {[field $::replica replication master_link_status] eq "up"}
                    equal [r strlen large] 100000
                }
            }
        }
    }
}

server {enable-debug-command yes repl-diskless-sync-delay 5 repl-diskless-sync-max-replicas 2
        repl-backlog-size 16384 client-output-buffer-limit {replica 0 0 0}} {
    set ::master [new_client]
    set ::at [port]
    $::master debug populate 100 key 100
    server {} {
        set ::one [new_client]
        server {} {
            set ::two [new_client]

            test "Two replicas share one dump and what waits for them" {
                $::master config set rdb-key-save-delay 20000
                follow $::one $::at
                follow $::two $::at
                eventually 10000 {[field $::master persistence rdb_bgsave_in_progress] == 1}
                for {set i 0} {$i < 20} {incr i} {
                    $::master set k$i [string repeat x 100000]
                }
                set all [field $::master memory mem_total_replication_buffers]
                between 2000000 $all 2600000
                assert {[field $::master replication repl_backlog_histlen] >= 2000000}
                $::master config set rdb-key-save-delay 0
                eventually 20000 {[field $::one replication master_link_status] eq "up"}
                eventually 20000 {[field $::two replication master_link_status] eq "up"}
                equal [field $::master stats sync_full] 2
                eventually 5000 {[$::one debug digest] eq [$::master debug digest]}
                eventually 5000 {[$::two debug digest] eq [$::master debug digest]}
                eventually 5000 {[field $::master memory mem_total_replication_buffers] < 100000}
            }
        }
    }
}

# A replica follows a master: from a dump or from where it was, through restarts, promotions and its own replicas.
# tags: replication

proc port {} {
    return [dict get $srv::current port]
}

proc follow {port} {
    r replicaof 127.0.0.1 $port
}

proc is_up {} {
    return [expr {[info_field master_link_status] eq "up"}]
}

# The replica has everything that the client of its master has done.
proc in_step {master} {
    eventually 20000 {[is_up] && [info_field master_repl_offset] == [offset $master]}
    eventually 5000 {[r debug digest] eq [$master debug digest]}
}

proc offset {client} {
    regexp -line {^master_repl_offset:(\d+)} [$client info replication] -> n
    return $n
}

proc counter {client name} {
    regexp -line "^$name:(\\d+)" [$client info stats] -> n
    return $n
}

server {enable-debug-command yes} {
    set ::master [new_client]
    set ::at [port]
    seed 11
    random_writes 500
    r eval {for i = 1, 3000 do redis.call('rpush', 'list', i) redis.call('zadd', 'z', i, i) end} 0

    server {enable-debug-command yes} {
        test "A replica takes the data set and follows" {
            r set own 1
            follow $::at
            in_step $::master
            equal [r exists own] 0
            $::master multi
            $::master incr a
            $::master select 7
            $::master incr a
            $::master exec
            $::master incr a
            $::master select 0
            $::master set volatile x PX 50
            $::master rpush list x
            in_step $::master
            r select 7
            equal [r get a] 2
            r select 0
            like [r role] "slave 127.0.0.1 $::at connected *"
        }

        test "It refuses writes, and the master waits for it" {
            refuses "READONLY You can't write against a read only replica." {r set a 1}
            refuses "READONLY*" {r eval {return redis.call('set', 'a', 1)} 0}
            $::master incr a
            equal [$::master wait 1 5000] 1
            refuses "ERR WAIT cannot be used with replica instances*" {r wait 0 0}
        }

        test "Expired keys are not seen, and go when the master says so" {
            $::master debug set-active-expire 0
            $::master set soon x PX 30
            $::master wait 1 5000
            after 60
            equal [r get soon] {}
            equal [r dbsize] [$::master dbsize]
            $::master get soon
            $::master debug set-active-expire 1
            in_step $::master
        }

        test "A writable replica deletes its own keys when they expire" {
            $::master debug set-active-expire 0
            $::master set theirs x PX 100
            $::master wait 1 5000
            r config set replica-read-only no
            set size [r dbsize]
            r set ours x PX 100
            r set kept x PX 100
            r persist kept
            eventually 5000 {[r dbsize] == $size + 1}
            equal [r exists theirs] 0
            equal [r incr theirs] 1
            equal [r ttl theirs] -1
            r del kept theirs
            r config set replica-read-only yes
            $::master debug set-active-expire 1
            eventually 5000 {[$::master exists theirs] == 0}
            in_step $::master
        }

        test "A command of the master that fails here is logged" {
            equal [$::master debug replicate no-such-command x] OK
            $::master incr n
            in_step $::master
            like [server_log] "*CRITICAL*no-such-command*"
        }

        test "Scripts without declared flags are refused while the data are stale" {
            r config set replica-serve-stale-data no
            follow 1
            refuses "MASTERDOWN*" {r eval {return redis.call('get', 'x')} 0}
            equal [r eval "#!lua flags=allow-stale,no-writes\nreturn 7" 0] 7
            r config set replica-serve-stale-data yes
            follow $::at
            in_step $::master
        }
    }

    server [list enable-debug-command yes replicaof "127.0.0.1 $::at"] {
        test "A cut link, a stop and a kill of the replica cost no new dump" {
            in_step $::master
            set full [counter $::master sync_full]
            for {set i 0} {$i < 8} {incr i} {
                for {set k 0} {$k < 30} {incr k} {
                    $::master incr n
                    $::master rpush list $i:$k
                }
                switch [expr {$i % 4}] {
                    0 { $::master client kill type replica }
                    1 { crash }
                    2 { r client kill type master }
                    3 { restart }
                }
                $::master incr n
                in_step $::master
            }
            equal [counter $::master sync_full] $full
        }

        test "Its own replica follows it, and goes on when it is promoted" {
            set middle [new_client]
            set middle_at [port]
            server {enable-debug-command yes} {
                follow $middle_at
                in_step $::master
                $::master incr n
                in_step $::master
                set full [counter $middle sync_full]
                $middle replicaof no one
                $middle incr n
                $middle select 3
                $middle incr n
                $middle select 0
                in_step $middle
                equal [counter $middle sync_full] $full
                equal [counter $middle sync_partial_ok] 1
            }
        }
    }
}

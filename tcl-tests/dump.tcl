# Dump files and payloads: SAVE, BGSAVE, a start with a dump.rdb, DEBUG RELOAD, MIGRATE.
# providers: all
# tags: dump

# Keys of every type, small and large, some with a deadline.
proc fill {{n 300}} {
    set far [expr {[clock milliseconds] + 100000000}]
    for {set i 0} {$i < $n} {incr i} {
        r set s:$i [random_bytes [random 200]]
        r set n:$i [random 100000] PXAT $far
    }
    foreach size {3 40 700} {
        for {set i 0} {$i < $size} {incr i} {
            r queue rpush l:$size e$i [random 1000]
            r queue sadd i:$size $i
            r queue sadd t:$size m$i
            r queue zadd z:$size [random 1000].5 m$i
            r queue hset h:$size f$i [random_bytes [random 50]]
            r queue xadd x:$size [expr {$i + 1}]-1 f $i g [random 10]
        }
        r flush
        for {set i 0} {$i < 6 * $size} {incr i} {
            r read
        }
        r xgroup create x:$size g 0
        r xreadgroup group g c1 count 2 streams x:$size >
        r xdel x:$size 2-1
    }
    r select 3
    r rpush other a b c
    r select 0
}

# What is loaded from a dump goes to the store and not to the log: the memory provider forgets it.
proc crash_if_stored {} {
    if {$::provider ne "memory"} {
        crash
    }
}

proc dump_file {} {
    return [server_dir]/dump.rdb
}

server {} {
    test "A dump file holds every key, and another server starts with it" {
        seed 11
        fill
        set digest [r debug digest]
        equal [r save] OK
        set from [dump_file]
        server [list load-dump always dbfilename taken.rdb] {
            file copy $from [server_dir]/taken.rdb
            restart
            equal [r debug digest] $digest
            # What it has loaded is its own: the store holds it.
            file delete [server_dir]/taken.rdb
            crash_if_stored
            equal [r debug digest] $digest
        }
    }

    test "BGSAVE writes what there is when it begins, while writes go on" {
        r config set rdb-key-save-delay 200
        set digest [r debug digest]
        r bgsave
        equal [info_field rdb_bgsave_in_progress] 1
        for {set i 0} {$i < 200} {incr i} {
            r set s:$i changed
            r rpush l:700 more
            r del n:$i
        }
        eventually 20000 {[info_field rdb_bgsave_in_progress] == 0}
        equal [info_field rdb_last_bgsave_status] ok
        r config set rdb-key-save-delay 0
        assert {[r debug digest] ne $digest}
        equal [r debug reload nosave] OK
        equal [r debug digest] $digest
    }

    test "DEBUG RELOAD changes nothing" {
        set digest [r debug digest]
        equal [r debug reload] OK
        equal [r debug digest] $digest
        crash_if_stored
        equal [r debug digest] $digest
    }

    test "A broken dump file is refused, and the data stay" {
        set digest [r debug digest]
        equal [r save] OK
        set f [open [dump_file] r+]
        fconfigure $f -translation binary
        seek $f 200
        puts -nonewline $f "\xff\xff\xff\xff"
        close $f
        refuses "*Error trying to load the RDB dump*" {r debug reload nosave}
        equal [r debug digest] $digest
    }

    test "A save that cannot be written leaves the file that was there" {
        equal [r save] OK
        set size [file size [dump_file]]
        file mkdir [server_dir]/temp-[server_pid].rdb
        refuses "*temp RDB file*" {r save}
        equal [info_field rdb_last_bgsave_status] err
        file delete [server_dir]/temp-[server_pid].rdb
        equal [file size [dump_file]] $size
        equal [r save] OK
        equal [info_field rdb_last_bgsave_status] ok
    }

    test "A dump file beside a data directory that holds data is left alone" {
        equal [r save] OK
        r set after dump
        restart
        equal [r get after] dump
        like [server_log] "*is not loaded: the data directory has its own data*"
        r flushall
        restart
        equal [r dbsize] 0
    }
}

server {} {
    test "ORBIT-RDB takes a dump file into an empty server, whole or not at all" {
        seed 17
        fill
        set digest [r debug digest]
        set keys [expr {[r dbsize] + 1}]
        equal [r save] OK
        set f [open [dump_file] rb]
        set bytes [read $f]
        close $f
        refuses "*not possible in bulk: there are keys*" {r orbit-rdb begin}
        refuses "*BEGIN comes first*" {r orbit-rdb data x}
        r flushall
        if {$::provider ne "rocksdb"} {
            refuses "*not possible in bulk*" {r orbit-rdb begin}
            skip "the provider takes in no sorted files"
        }
        equal [r orbit-rdb begin] OK
        equal [r orbit-rdb data [string range $bytes 0 9999]] OK
        refuses "*Unexpected EOF*" {r orbit-rdb load}
        equal [r dbsize] 0
        refuses "*BEGIN comes first*" {r orbit-rdb load}
        equal [r orbit-rdb begin] OK
        for {set at 0} {$at < [string length $bytes]} {incr at 10000} {
            equal [r orbit-rdb data [string range $bytes $at [expr {$at + 9999}]]] OK
        }
        equal [r orbit-rdb load] [list $keys 0 0]
        equal [r debug digest] $digest
        crash
        equal [r debug digest] $digest
        r set more 1
        crash
        equal [r get more] 1
    }
}

server {} {
    test "Loading a dump file that was cut short by a crash begins anew" {
        if {$::provider eq "memory"} {
            skip "the memory provider forgets what was loaded"
        }
        seed 13
        fill 1000
        set digest [r debug digest]
        equal [r save] OK
        set dir [server_dir]
        srv::stop $srv::current KILL
        foreach stop_ms {400 700} {
            file delete -force $dir/data
            set pid [exec $::server_binary $dir/orbit.conf --key-load-delay 1000 >> $dir/log 2>> $dir/stderr &]
            lappend ::pids $pid
            after $stop_ms
            exec kill -KILL $pid
            while {[srv::running $pid]} {
                after 10
            }
            set srv::current [srv::launch $srv::current]
            interp alias {} r {} [dict get $srv::current client]
            equal [r debug digest] $digest
            srv::stop $srv::current KILL
        }
        set srv::current [srv::launch $srv::current]
        interp alias {} r {} [dict get $srv::current client]
        equal [r debug digest] $digest
    }
}

server {} {
    test "A stream with more pages than a view keeps is saved" {
        r eval {
            for i = 1, 120000 do
                redis.call('xadd', 'big', i .. '-1', 'f', i .. string.rep('x', 100))
            end
            redis.call('xgroup', 'create', 'big', 'g1', '0')
            redis.call('xgroup', 'create', 'big', 'g2', '0')
            for i = 1, 6 do
                redis.call('xreadgroup', 'group', 'g1', 'c' .. i, 'count', 20000, 'streams', 'big', '>')
                redis.call('xreadgroup', 'group', 'g2', 'c' .. i, 'count', 20000, 'streams', 'big', '>')
            end
        } 1 big
        set digest [r debug digest]
        equal [r debug reload] OK
        equal [r debug digest] $digest
        equal [lindex [r xpending big g2] 0] 120000
    }
}

server {save {1 5}} {
    test "Save points write the dump file by themselves" {
        for {set i 0} {$i < 10} {incr i} {
            r set k:$i v
        }
        eventually 20000 {[file exists [dump_file]]}
        eventually 20000 {[info_field rdb_changes_since_last_save] == 0}
    }
}

server {} {
    test "MIGRATE moves keys of every type" {
        seed 12
        fill 20
        set digest [r debug digest]
        set from [dict get $srv::current port]
        server {} {
            set to [dict get $srv::current port]
            set c [client::connect $from]
            foreach db {0 3} {
                $c select $db
                set keys [$c keys *]
                equal [$c migrate 127.0.0.1 $to "" $db 5000 KEYS {*}$keys] OK
                equal [$c dbsize] 0
            }
            equal [r debug digest] $digest
            # They do not come back.
            $c select 0
            equal [$c migrate 127.0.0.1 $to "" 0 5000 KEYS {*}$keys] NOKEY
            $c close
        }
    }

    test "A MIGRATE that fails or copies keeps the key" {
        r set k v
        set from [dict get $srv::current port]
        server {} {
            r config set requirepass secret
            set to [dict get $srv::current port]
            set c [client::connect $from]
            refuses "ERR Target instance replied with error: NOAUTH*" {$c migrate 127.0.0.1 $to k 0 1000}
            equal [$c migrate 127.0.0.1 $to k 0 1000 COPY AUTH secret] OK
            equal [$c get k] v
            refuses "ERR Target instance replied with error: BUSYKEY*" {
                $c migrate 127.0.0.1 $to k 0 1000 AUTH secret
            }
            equal [$c migrate 127.0.0.1 $to k 0 1000 REPLACE AUTH2 default secret] OK
            equal [$c exists k] 0
            $c close
        }
        equal [r migrate 127.0.0.1 $to k 0 100] NOKEY
        r set k v
        refuses "IOERR*" {r migrate 127.0.0.1 $to k 0 100}
        equal [r get k] v
    }
}

# INFO, SLOWLOG, LATENCY, MONITOR, SAVE: what an operator sees.
# tags: observe

server {latency-monitor-threshold 30 slowlog-log-slower-than 30000} {
    test "SLOWLOG and LATENCY keep what was slow" {
        r client setname turtle
        r debug sleep 0.05
        equal [r slowlog len] 1
        lassign [lindex [r slowlog get] 0] id time us argv peer name
        assert {$us >= 50000}
        equal $argv {debug sleep 0.05}
        equal $name turtle
        lassign [lindex [r latency latest] 0] event time last worst
        equal $event command
        assert {$last >= 50 && $worst >= $last}
        assert {[string match "command - high * ms, low * ms*" [r latency graph command]]}
        equal [r latency reset] 1
        equal [r slowlog reset] OK
    }

    test "MONITOR shows commands in the order of their execution, without passwords" {
        set m [new_client]
        equal [$m monitor] OK
        r multi
        r set k "a b"
        r exec
        catch {r auth someone secret}
        foreach want {{* "multi"} {* \[0 127.0.0.1:*\] "set" "k" "a b"} {* "exec"} {* "auth" "(redacted)" "(redacted)"}} {
            set line [$m read]
            if {![string match $want $line]} {
                fail "$line is not $want"
            }
        }
        $m close
    }

    test "INFO tells counts, commands and errors" {
        r config resetstat
        r set k v
        r get k
        r get none
        catch {r incr k}
        catch {r nosuch}
        equal [info_field total_error_replies] 2
        equal [info_field keyspace_hits] 1
        equal [info_field keyspace_misses] 1
        assert {[string match "*cmdstat_incr:calls=1,*,rejected_calls=0,failed_calls=1*" [r info commandstats]]}
        assert {[string match "*errorstat_ERR:count=2*" [r info errorstats]]}
        assert {[string match "*latency_percentiles_usec_get:p50=*,p99=*,p99.9=*" [r info latencystats]]}
        assert {[string match "*db0:keys=1,expires=0,avg_ttl=0*" [r info keyspace]]}
    }

    test "INFO memory counts what maxmemory bounds" {
        set before [info_field used_memory]
        r setrange big 999999 x
        assert {[info_field used_memory] - $before >= 1000000}
        assert {[info_field used_memory_dataset] == [info_field data_set_bytes]}
        r del big
        assert {[info_field used_memory] - $before < 100000}
    }

    test "INFO storage and tick follow the writes" {
        set commits [info_field commit_count]
        set folds [info_field fold_count]
        r set k w
        assert {[info_field commit_count] > $commits}
        equal [r save] OK
        assert {[info_field fold_count] > $folds}
        equal [info_field dirty_records] 0
        equal [info_field log_folded_seq] [info_field log_last_seq]
        equal [info_field storage_health] healthy
        equal [info_field rdb_changes_since_last_save] 0
    }

    test "BGSAVE ends by itself, and LASTSAVE tells when" {
        r set k x
        set before [r lastsave]
        after 1100
        equal [r bgsave] "Background saving started"
        eventually 10000 {[info_field rdb_bgsave_in_progress] == 0}
        equal [info_field rdb_last_bgsave_status] ok
        assert {[r lastsave] > $before}
    }

    test "DEBUG POPULATE is durable when it is answered" {
        r flushall
        r debug populate 5000 p 50
        set digest [r debug digest]
        crash
        equal [r dbsize] 5000
        equal [r debug digest] $digest
    }

    test "DEBUG tells of memory, and slows the log down" {
        like [r debug htstats 0] "*table size: *"
        like [r debug htstats 0 full] "*max chain length: *"
        refuses "ERR Out of range*" {r debug htstats 99}
        r hset h f v
        refuses "ERR no such key" {r debug htstats-key nokey}
        refuses "ERR *not held as a hash table*" {r debug htstats-key h}
        refuses "ERR *not held as a listpack*" {r debug listpack h}
        refuses "ERR the allocator*" {r debug mallctl no.such.name}
        if {[string match jemalloc* [info_field mem_allocator]]} {
            assert {[r debug mallctl arenas.page] >= 4096}
        }
        r debug aof-flush-sleep 200000
        set start [clock milliseconds]
        r set x 1
        assert {[clock milliseconds] - $start >= 190}
        r debug aof-flush-sleep 0
        r del h x
    }

    test "A reload in a transaction leaves it whole" {
        r queue set x 1
        r queue multi
        r queue debug reload
        r queue set a 1
        r queue set b 2
        r queue exec
        r flush
        for {set i 0} {$i < 5} {incr i} {
            r read
        }
        equal [r read] {OK OK OK}
        crash
        equal [r mget x a b] {1 1 2}
    }
}

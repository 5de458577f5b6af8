# A client that asked with SYNC gets a dump, and then everything that changes the data set.
# tags: replication

proc line {s} {
    set text [gets $s]
    while {$text eq "" && ![eof $s]} {
        set text [gets $s]
    }
    return [string trimright $text "\r"]
}

proc dump {s} {
    set head [line $s]
    like $head {$*}
    return [read $s [string range $head 1 end]]
}

proc command {s} {
    set words {}
    set n [string range [line $s] 1 end]
    for {set i 0} {$i < $n} {incr i} {
        set size [string range [line $s] 1 end]
        lappend words [read $s $size]
        read $s 2
    }
    return $words
}

proc port {} {
    return [dict get [r config get port] port]
}

proc attach {command} {
    set s [socket 127.0.0.1 [port]]
    fconfigure $s -translation binary
    puts -nonewline $s "$command\r\n"
    flush $s
    return $s
}

server {} {
    test "SYNC answers a dump, then the effects" {
        r set before 1
        set s [attach SYNC]
        like [dump $s] "REDIS0010*before*"
        r set a 1
        r multi
        r incr a
        r select 3
        r sadd set x
        r exec
        r select 0
        r set gone x PX 1
        after 20
        r get gone
        equal [command $s] {SELECT 0}
        equal [command $s] {set a 1}
        equal [command $s] MULTI
        equal [command $s] {incr a}
        equal [command $s] {SELECT 3}
        equal [command $s] {sadd set x}
        equal [command $s] EXEC
        equal [command $s] {SELECT 0}
        like [command $s] {SET gone x PXAT *}
        equal [command $s] {DEL gone}
        equal [info_field connected_slaves] 1
        close $s
        eventually 5000 {[info_field connected_slaves] == 0}
    }

    test "Nothing between the dump and the stream is lost" {
        r flushall
        seed 7
        for {set i 0} {$i < 20} {incr i} {
            random_writes 30 20
            r set counter 0
            set c [new_client]
            $c queue incr counter
            $c flush
            set s [attach "PSYNC ? -1"]
            for {set k 0} {$k < 40} {incr k} {
                $c queue incr counter
            }
            $c flush
            for {set k 0} {$k < 41} {incr k} {
                $c read
            }
            like [line $s] {+FULLRESYNC *}
            set body [dump $s]
            # What the dump does not have comes as commands: the last one makes it 41.
            regexp {counter\xc0(.)} $body -> at
            scan $at %c seen
            if {$seen < 41} {
                equal [lindex [command $s] 0] SELECT
            }
            for {} {$seen < 41} {incr seen} {
                equal [command $s] {incr counter}
            }
            close $s
            $c close
        }
    }

    test "The dump has the format that the replica reads" {
        foreach {version capa format} {10 psync2 0010 10 rdb-11 0011 9 psync2 0009 11 psync2 0011} {
            r config set repl-dump-version $version
            set s [attach "REPLCONF capa $capa\r\nSYNC"]
            equal [line $s] +OK
            like [dump $s] "REDIS$format*"
            close $s
        }
        r config set repl-dump-version 10
    }

    test "Writes are refused without enough replicas" {
        r client kill type replica
        eventually 5000 {[info_field connected_slaves] == 0}
        r config set min-replicas-to-write 1
        refuses "NOREPLICAS*" {r set a 1}
        refuses "NOREPLICAS*" {r eval {return redis.call('set', KEYS[1], 1)} 1 a}
        r config set min-replicas-to-write 0
        r set a 1
    }
}

server {} {
    seed 11
    random_writes 300 40
    set master [port]
    set ::m [new_client]
    $::m select 0

    server [list replicaof "127.0.0.1 $master"] {
        proc offset {text} {
            regexp {master_repl_offset:(\d+)} $text -> n
            return $n
        }

        proc in_step {} {
            eventually 20000 {[info_field master_link_status] eq "up"}
            eventually 10000 {[offset [r info replication]] == [offset [$::m info replication]]}
            equal [r debug digest] [$::m debug digest]
        }

        test "A replica has what its master has" {
            in_step
            refuses "READONLY*" {r set a 1}
            for {set i 0} {$i < 300} {incr i} {
                $::m hset hash f$i $i
                $::m zadd zset $i m[expr {$i % 50}]
                $::m rpush list $i
                $::m eval {redis.call('incr', KEYS[1]) redis.call('sadd', KEYS[2], ARGV[1])} 2 steps set $i
            }
            $::m set short x PX 30
            after 50
            in_step
            equal [r exists short] 0
        }

        test "It goes on where it was after the link broke" {
            $::m client kill type replica
            $::m incr steps
            in_step
            like [$::m info stats] *sync_partial_ok:1*
        }

        test "It becomes a master" {
            r replicaof no one
            r incr steps
            equal [r get steps] 302
            equal [$::m get steps] 301
            equal [lindex [r role] 0] master
        }
    }
}

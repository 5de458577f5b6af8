# Commands on keys of any type.
# providers: all
# tags: generic

server {} {
    test "DEL, UNLINK, EXISTS, TOUCH, TYPE" {
        r mset a 1 b 2 c 3
        equal [r exists a b a missing] 3
        equal [r touch a missing b] 2
        equal [r type a] string
        equal [r type missing] none
        equal [r del a missing a] 1
        equal [r unlink b c missing] 2
        equal [r dbsize] 0
    }

    test "RENAME and RENAMENX" {
        r flushall
        r set a 1 EX 100
        r set b 2 EX 500
        equal [r rename a b] OK
        equal [r get b] 1
        between 90 [r ttl b] 100
        equal [r exists a] 0
        equal [r dbsize] 1
        equal [r rename b b] OK
        equal [r renamenx b b] 0
        r set a x
        equal [r renamenx a b] 0
        equal [r renamenx a c] 1
        equal [r get c] x
        refuses "ERR no such key" {r rename missing x}
        refuses "ERR no such key" {r renamenx missing missing}
    }

    test "MOVE" {
        r flushall
        r set a 1 EX 100
        equal [r move a 3] 1
        equal [r exists a] 0
        equal [r move a 3] 0
        r set a 2
        equal [r move a 3] 0
        r select 3
        equal [r get a] 1
        between 90 [r ttl a] 100
        r select 0
        refuses "ERR source and destination objects are the same" {r move a 0}
        refuses "ERR DB index is out of range" {r move a 16}
        refuses "ERR value is not an integer or out of range" {r move a x}
    }

    test "COPY" {
        r flushall
        r set a [string repeat x 5000] EX 100
        equal [r copy a b] 1
        equal [r get b] [string repeat x 5000]
        between 90 [r ttl b] 100
        r append a y
        equal [r strlen b] 5000
        r set c 7
        equal [r copy c b] 0
        equal [r copy c b REPLACE] 1
        equal [r get b] 7
        equal [r ttl b] -1
        equal [r copy c c DB 5] 1
        r select 5
        equal [r get c] 7
        r select 0
        equal [r copy missing x] 0
        refuses "ERR source and destination objects are the same" {r copy a a}
        refuses "ERR DB index is out of range" {r copy a b DB 99}
        refuses "ERR syntax error" {r copy a b FOO}
        refuses "ERR syntax error" {r copy a b DB}
    }

    test "KEYS" {
        r flushall
        r mset one 1 two 2 three 3 "wei\[rd" 4 "a*b" 5
        equal [lsort [r keys *]] [lsort {one two three {wei[rd} a*b}]
        equal [lsort [r keys t*]] {three two}
        equal [lsort [r keys {[ot]*e}]] {one three}
        equal [r keys one] one
        equal [r keys o?e] one
        equal [r keys {wei\[rd}] {{wei[rd}}
        equal [r keys nothing*] {}
    }

    test "SCAN finds every key" {
        r flushall
        set want {}
        for {set i 0} {$i < 3000} {incr i} {
            r queue set key:$i $i
            lappend want key:$i
        }
        r flush
        for {set i 0} {$i < 3000} {incr i} {
            r read
        }
        equal [lsort [scan_all]] [lsort $want]
        equal [lsort [scan_all count 1000]] [lsort $want]
        equal [lsort [scan_all count 1 match key:29*]] [lsort [lsearch -all -inline $want key:29*]]
        equal [llength [scan_all type string]] 3000
        equal [scan_all type hash] {}
        equal [lindex [r scan 0 count 5000] 0] 0
        refuses "ERR invalid cursor" {r scan x}
        refuses "ERR invalid cursor" {r scan { 0}}
        refuses "ERR syntax error" {r scan 0 count 0}
        refuses "ERR syntax error" {r scan 0 match}
        refuses "ERR value is not an integer or out of range" {r scan 0 count x}
    }

    test "RANDOMKEY" {
        r flushall
        equal [r randomkey] {}
        r mset a 1 b 2 c 3
        set seen {}
        for {set i 0} {$i < 200} {incr i} {
            dict set seen [r randomkey] 1
        }
        equal [lsort [dict keys $seen]] {a b c}
    }

    test "OBJECT" {
        r flushall
        r set k v
        equal [r object refcount k] 1
        between 0 [r object idletime k] 5
        refuses "ERR An LFU maxmemory policy is not selected*" {r object freq k}
        equal [r object encoding missing] {}
        like [join [r object help]] "OBJECT <subcommand>*ENCODING <key>*HELP*"
        r config set maxmemory-policy allkeys-lfu
        assert {[r object freq k] >= 0}
        refuses "ERR An LFU maxmemory policy is selected*" {r object idletime k}
        r config set maxmemory-policy noeviction
    }
}

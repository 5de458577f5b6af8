# Deadlines.
# providers: all
# tags: expire

server {} {
    test "Every form of a deadline" {
        set now [clock seconds]
        r set k v
        equal [r expire k 100] 1
        between 99 [r ttl k] 100
        equal [r pexpire k 100000] 1
        between 99000 [r pttl k] 100000
        equal [r expireat k [expr {$now + 500}]] 1
        equal [r expiretime k] [expr {$now + 500}]
        equal [r pexpireat k 99999999999123] 1
        equal [r pexpiretime k] 99999999999123
        equal [r expiretime k] 99999999999
        equal [r persist k] 1
        equal [r persist k] 0
        equal [list [r ttl k] [r pttl k] [r expiretime k] [r pexpiretime k]] {-1 -1 -1 -1}
        r del k
        equal [list [r ttl k] [r pttl k] [r expiretime k] [r pexpiretime k]] {-2 -2 -2 -2}
        equal [list [r expire k 5] [r persist k]] {0 0}
    }

    test "Conditions" {
        # has a deadline in 100 s?  option  new  answer
        foreach {has option seconds want} {
            0 NX 50 1  1 NX 50 0  0 XX 50 0  1 XX 50 1
            0 GT 50 0  1 GT 50 0  1 GT 200 1  0 LT 50 1  1 LT 50 1  1 LT 200 0
        } {
            r set k v
            if {$has} {
                r expire k 100
            }
            equal [r expire k $seconds $option] $want "$has $option $seconds"
        }
        refuses "ERR NX and XX, GT or LT options at the same time are not compatible" {r expire k 5 NX XX}
        refuses "ERR GT and LT options at the same time are not compatible" {r expire k 5 GT LT}
        refuses "ERR Unsupported option AB" {r expire k 5 AB}
    }

    test "Times that do not fit" {
        r set k v
        foreach {command time} {
            expire 9223372036854776 expire -9223372036854776 expire 9223370399119966 pexpire 9223372036854775807
            expireat 9223372036854775807
        } {
            refuses "ERR invalid expire time in '$command' command" {r $command k $time}
        }
        equal [r pexpireat k 9223372036854775807] 1
        refuses "ERR value is not an integer or out of range" {r expire k 99999999999999999999}
    }

    test "A deadline in the past deletes" {
        foreach {command time} {expire 0 expire -1 pexpire -1 expireat 1 pexpireat 1} {
            r set k v
            equal [r $command k $time] 1
            equal [r exists k] 0
        }
    }

    test "Keys go at their time, without being asked for" {
        r flushall
        for {set i 0} {$i < 500} {incr i} {
            r queue set key:$i v PX [expr {50 + $i % 100}]
        }
        r queue set stays v
        r flush
        for {set i 0} {$i < 501} {incr i} {
            r read
        }
        eventually 5000 {[r dbsize] == 1}
        equal [r keys *] stays
    }

    test "An expired key is gone before it is collected" {
        r debug set-active-expire 0
        r set k v PX 1
        r set l v PX 1
        r set m v PX 1
        r set n v PX 1
        after 20
        equal [r get k] {}
        equal [r setnx l w] 1
        equal [r get l] w
        equal [r append m x] 1
        equal [r incr n] 1
        equal [list [r ttl l] [r ttl m] [r ttl n]] {-1 -1 -1}
        r set o v PX 1
        after 20
        equal [r rename l o] OK
        equal [r ttl o] -1
        r debug set-active-expire 1
    }

    test "Writes that keep the deadline, and writes that do not" {
        foreach {keeps command} {
            1 {append k x} 1 {setrange k 0 x} 1 {setbit k 1 1} 0 {set k v} 0 {getset k v} 0 {mset k v} 1 {set k v KEEPTTL}
        } {
            r set k v EX 100
            r {*}$command
            equal [expr {[r ttl k] > 0}] $keeps $command
        }
        foreach command {{incr k} {incrby k 5} {decr k} {incrbyfloat k 1.5}} {
            r set k 1 EX 100
            r {*}$command
            assert {[r ttl k] > 0}
        }
    }
}

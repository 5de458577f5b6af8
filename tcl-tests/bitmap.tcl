# Bits of strings.
# providers: all
# tags: bitmap

# A string's bits as text of 0 and 1.
proc bits_of {s} {
    binary scan $s B* out
    return $out
}

server {} {
    test "SETBIT and GETBIT agree with a model" {
        seed 3
        set model [string repeat 0 800]
        r del k
        for {set i 0} {$i < 1500} {incr i} {
            set at [random 800]
            set bit [random 2]
            equal [r getbit k $at] [string index $model $at]
            equal [r setbit k $at $bit] [string index $model $at]
            set model [string replace $model $at $at $bit]
        }
        set n [expr {[r strlen k] * 8}]
        equal [bits_of [r get k]] [string range $model 0 $n-1]
        equal [r getbit k 1000000] 0
    }

    test "SETBIT refuses bad offsets and bits" {
        foreach at {-1 x 4294967296 1.5} {
            refuses "ERR bit offset is not an integer or out of range" {r setbit k $at 1}
        }
        foreach bit {2 -1 x} {
            refuses "ERR bit is not an integer or out of range" {r setbit k 1 $bit}
        }
    }

    test "BITCOUNT and BITPOS agree with a model" {
        seed 5
        for {set round 0} {$round < 60} {incr round} {
            set s [random_bytes [random 40]]
            r set k $s
            set bits [bits_of $s]
            equal [r bitcount k] [regexp -all 1 $bits]
            for {set i 0} {$i < 10} {incr i} {
                set from [expr {[random 100] - 50}]
                set to [expr {[random 100] - 50}]
                set n [string length $s]
                set a [expr {$from < 0 ? max(0, $n + $from) : $from}]
                set b [expr {$to < 0 ? max(0, $n + $to) : min($to, $n - 1)}]
                set part [string range $bits [expr {$a * 8}] [expr {$b * 8 + 7}]]
                # BITCOUNT sees a range that runs backwards before it clamps, BITPOS does not.
                set backwards [expr {$from < 0 && $to < 0 && $from > $to}]
                equal [r bitcount k $from $to] [expr {$backwards ? 0 : [regexp -all 1 $part]}] "$from $to of $n"
                foreach bit {0 1} {
                    set at [string first $bit $part]
                    equal [r bitpos k $bit $from $to] [expr {$at < 0 ? -1 : $at + $a * 8}] "$bit $from $to of $n"
                }
            }
        }
    }

    test "BITCOUNT and BITPOS by bits" {
        r set k foobar
        equal [r bitcount k 5 30 BIT] 17
        equal [r bitcount k 0 -1 BYTE] 26
        equal [r bitcount k -8 -1 bit] 4
        equal [r bitpos k 1 2 -1 BIT] 2
        equal [r bitpos k 0 7 15 BIT] 7
        equal [r bitpos missing 1] -1
        equal [r bitpos missing 0] 0
        r set k "\xff\xff"
        equal [r bitpos k 0] 16
        equal [r bitpos k 0 1] 16
        equal [r bitpos k 0 0 -1] -1
        r set k "\0\0"
        equal [r bitpos k 1] -1
        refuses "ERR The bit argument must be 1 or 0." {r bitpos k 2}
        refuses "ERR syntax error" {r bitcount k 0}
        refuses "ERR syntax error" {r bitcount k 0 1 hello}
        refuses "ERR syntax error" {r bitpos k 1 0 1 hello}
    }

    test "BITOP agrees with a model" {
        seed 9
        foreach op {AND OR XOR} sign {& | ^} {
            for {set round 0} {$round < 20} {incr round} {
                set n [expr {1 + [random 4]}]
                set keys {}
                set width 0
                for {set i 0} {$i < $n} {incr i} {
                    set s($i) [random_bytes [random 40]]
                    r set src:$i $s($i)
                    lappend keys src:$i
                    set width [expr {max($width, [string length $s($i)])}]
                }
                set want ""
                for {set at 0} {$at < $width} {incr at} {
                    set acc {}
                    for {set i 0} {$i < $n} {incr i} {
                        set byte 0
                        if {$at < [string length $s($i)]} {
                            scan [string index $s($i) $at] %c byte
                        }
                        set acc [expr [expr {$i == 0}] ? $byte : ($acc + 0) $sign $byte]
                    }
                    append want [format %c $acc]
                }
                equal [r bitop $op dst {*}$keys] $width
                equal [r get dst] $want
                equal [r exists dst] [expr {$width > 0}]
            }
        }
        r set k "\x0f\xf0\xaa"
        equal [r bitop NOT dst k] 3
        equal [r get dst] "\xf0\x0f\x55"
        equal [r bitop NOT k k] 3
        equal [r get k] "\xf0\x0f\x55"
        refuses "ERR BITOP NOT must be called with a single source key." {r bitop NOT dst a b}
        refuses "ERR syntax error" {r bitop NAND dst a b}
        equal [r bitop AND dst missing] 0
        equal [r exists dst] 0
    }

    test "BITFIELD" {
        r del k
        equal [r bitfield k SET i8 0 -100 SET i8 8 101 GET i8 0 GET u8 0 GET i8 8] {0 0 -100 156 101}
        equal [r bitfield k SET u8 #1 200 GET u8 8] {101 200}
        equal [r bitfield k INCRBY u8 #1 100] 44
        equal [r bitfield k OVERFLOW SAT INCRBY u8 #1 250] 255
        equal [r bitfield k OVERFLOW FAIL INCRBY u8 #1 1] {{}}
        equal [r bitfield k OVERFLOW SAT INCRBY i5 100 -20 OVERFLOW WRAP INCRBY i5 100 -1] {-16 15}
        equal [r bitfield wide SET i64 3 -9223372036854775808 GET i64 3 GET u4 3] {0 -9223372036854775808 8}
        equal [r bitfield missing GET u8 0 GET i64 1000] {0 0}
        equal [r exists missing] 0
        equal [r bitfield_ro k GET u4 0] [r bitfield k GET u4 0]
        equal [r bitfield k] {}
        refuses "ERR BITFIELD_RO only supports the GET subcommand" {r bitfield_ro k SET u8 0 1}
        refuses "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is." {
            r bitfield k GET u64 0
        }
        refuses "ERR Invalid OVERFLOW type specified" {r bitfield k OVERFLOW NEVER}
        refuses "ERR bit offset is not an integer or out of range" {r bitfield k GET u8 -1}
        refuses "ERR syntax error" {r bitfield k GET u8}
    }

    test "BITFIELD agrees with a model" {
        seed 11
        r del k
        set model [string repeat 0 400]
        for {set i 0} {$i < 400} {incr i} {
            set width [expr {1 + [random 32]}]
            set at [random [expr {400 - $width}]]
            set v [random [expr {1 << $width}]]
            scan [string range $model $at [expr {$at + $width - 1}]] %lb old
            if {[random 2]} {
                equal [r bitfield k SET u$width $at $v] $old
            } else {
                set v [expr {($old + $v) % (1 << $width)}]
                equal [r bitfield k INCRBY u$width $at [expr {$v - $old}]] $v
            }
            set model [string replace $model $at [expr {$at + $width - 1}] [format %0${width}llb $v]]
        }
        set n [expr {[r strlen k] * 8}]
        equal [bits_of [r get k]] [string range $model 0 $n-1]
    }
}

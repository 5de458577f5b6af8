# Strings: every command of the group, its options and its errors.
# providers: all
# tags: string

server {} {
    test "SET and GET keep every byte" {
        set all ""
        for {set i 0} {$i < 256} {incr i} {
            append all [format %c $i]
        }
        foreach v [list "" x "with space" "a\r\nb" $all [string repeat $all 2000]] {
            equal [r set k $v] OK
            equal [r get k] $v
            equal [r strlen k] [string length $v]
        }
        equal [r set $all v] OK
        equal [r get $all] v
        r del $all
    }

    test "SET NX and XX" {
        r del k
        equal [r set k 1 XX] {}
        equal [r exists k] 0
        equal [r set k 1 NX] OK
        equal [r set k 2 NX] {}
        equal [r set k 3 xx] OK
        equal [r get k] 3
    }

    test "SET GET answers the former value" {
        r del k
        equal [r set k a GET] {}
        equal [r set k b GET] a
        equal [r set k c NX GET] b
        equal [r get k] b
        equal [r set k c XX GET] b
        equal [r get k] c
        equal [r set k [string repeat x 100000] GET] c
        equal [r set k d GET] [string repeat x 100000]
    }

    test "SET with a lifetime" {
        r set k v EX 100
        between 99 [r ttl k] 100
        r set k v PX 100500
        between 100000 [r pttl k] 100500
        r set k v EXAT 99999999999
        equal [r expiretime k] 99999999999
        r set k v PXAT 99999999999123
        equal [r pexpiretime k] 99999999999123
        r set k w KEEPTTL
        equal [r pexpiretime k] 99999999999123
        r set k x
        equal [r ttl k] -1
        r set k v PX 20
        eventually 5000 {[r get k] eq ""}
        equal [r exists k] 0
    }

    test "SET refuses what makes no sense" {
        foreach words {{NX XX} {XX NX} {EX 1 PX 1} {EX 1 KEEPTTL} {KEEPTTL PX 1} {PERSIST} {EX} {FOO} {EX 1 EXAT 5}} {
            refuses "ERR syntax error" {r set k v {*}$words}
        }
        foreach words {{EX 0} {EX -1} {PX 0} {EXAT 0} {PXAT -5} {EX 9223372036854775807} {PX 9223372036854775807}} {
            refuses "ERR invalid expire time in 'set' command" {r set k v {*}$words}
        }
        foreach words {{EX x} {PX 1.5} {EX 99999999999999999999} {EX { 1}}} {
            refuses "ERR value is not an integer or out of range" {r set k v {*}$words}
        }
    }

    test "SETNX, SETEX, PSETEX, GETSET, GETDEL" {
        r del k
        equal [r setnx k 1] 1
        equal [r setnx k 2] 0
        equal [r setex k 100 v] OK
        between 99 [r ttl k] 100
        equal [r psetex k 100000 w] OK
        between 99000 [r pttl k] 100000
        refuses "ERR invalid expire time in 'setex' command" {r setex k 0 v}
        refuses "ERR invalid expire time in 'psetex' command" {r psetex k -1 v}
        equal [r getset k x] w
        equal [r ttl k] -1
        equal [r getdel k] x
        equal [r getdel k] {}
        equal [r getset k y] {}
        equal [r getdel k] y
        equal [r exists k] 0
    }

    test "GETEX" {
        equal [r getex missing EX 10] {}
        r set k v
        equal [r getex k] v
        equal [r ttl k] -1
        equal [r getex k EX 100] v
        between 99 [r ttl k] 100
        equal [r getex k PXAT 99999999999123] v
        equal [r pexpiretime k] 99999999999123
        equal [r getex k PERSIST] v
        equal [r ttl k] -1
        equal [r getex k EXAT 1] v
        equal [r exists k] 0
        refuses "ERR syntax error" {r getex k PERSIST EX 1}
        refuses "ERR syntax error" {r getex k NX}
        r set k v
        refuses "ERR invalid expire time in 'getex' command" {r getex k EX 0}
    }

    test "MSET, MGET, MSETNX" {
        r del a b c d
        equal [r mset a 1 b 2 a 3] OK
        equal [r mget a b missing a] {3 2 {} 3}
        equal [r msetnx c 1 a 9] 0
        equal [r exists c] 0
        equal [r msetnx c 1 d 2 c 5] 1
        equal [r mget c d] {5 2}
        refuses "ERR wrong number of arguments for 'mset' command" {r mset a 1 b}
        refuses "ERR wrong number of arguments for 'msetnx' command" {r msetnx a 1 b}
        set pairs {}
        for {set i 0} {$i < 1000} {incr i} {
            lappend pairs many:$i value:$i
        }
        r mset {*}$pairs
        set keys [dict keys $pairs]
        equal [r mget {*}$keys] [dict values $pairs]
        r del {*}$keys
    }

    test "APPEND and STRLEN" {
        r del k
        equal [r append k ab] 2
        equal [r append k ""] 2
        equal [r append k cd] 4
        equal [r get k] abcd
        r set k 12
        equal [r append k 34] 4
        equal [r get k] 1234
        equal [r strlen missing] 0
        r set k -1234567
        equal [r strlen k] 8
        set model ""
        r del k
        seed 1
        for {set i 0} {$i < 300} {incr i} {
            set part [random_bytes [random 200]]
            append model $part
            equal [r append k $part] [string length $model]
        }
        equal [r get k] $model
    }

    test "SETRANGE" {
        r del k
        equal [r setrange k 5 ""] 0
        equal [r exists k] 0
        equal [r setrange k 3 abc] 6
        equal [r get k] "\0\0\0abc"
        equal [r setrange k 1 XY] 6
        equal [r get k] "\0XYabc"
        r set k 12345
        equal [r setrange k 2 x] 5
        equal [r get k] 12x45
        refuses "ERR offset is out of range" {r setrange k -1 x}
        refuses "ERR string exceeds maximum allowed size (proto-max-bulk-len)" {r setrange k 536870912 x}
        refuses "ERR string exceeds maximum allowed size (proto-max-bulk-len)" {r setrange k 9223372036854775807 x}
        equal [r get k] 12x45
    }

    test "GETRANGE and SUBSTR" {
        r set k "Hello World"
        foreach {from to want} {
            0 4 Hello  0 -1 {Hello World}  -5 -1 World  5 3 {}  6 5000 World  -5000 4 Hello  -1 -5 {}  -5000 -4000 H
            11 20 {}  0 0 H  10 10 d  -1 -1 d  0 -5000 H  3 -3 {lo Wor}
        } {
            equal [r getrange k $from $to] $want "$from $to"
            equal [r substr k $from $to] $want "$from $to"
        }
        r set k 123456
        equal [r getrange k 1 3] 234
        equal [r getrange missing 0 -1] {}
        refuses "ERR value is not an integer or out of range" {r getrange k a 1}
    }

    test "INCR and its relatives" {
        r del k
        equal [r incr k] 1
        equal [r incrby k 41] 42
        equal [r decr k] 41
        equal [r decrby k 50] -9
        equal [r incrby k -1] -10
        equal [r get k] -10
        equal [r object encoding k] int
        r set k 9223372036854775806
        equal [r incr k] 9223372036854775807
        refuses "ERR increment or decrement would overflow" {r incr k}
        r set k -9223372036854775808
        refuses "ERR increment or decrement would overflow" {r decr k}
        refuses "ERR decrement would overflow" {r decrby k -9223372036854775808}
        foreach v {" 1" "1 " "" 1.5 0x10 01 +1 9223372036854775808 a} {
            r set k $v
            refuses "ERR value is not an integer or out of range" {r incr k}
            equal [r get k] $v
        }
        r set k 5 EX 100
        r incr k
        between 99 [r ttl k] 100
    }

    test "INCRBYFLOAT" {
        r del k
        equal [r incrbyfloat k 10.5] 10.5
        equal [r incrbyfloat k 0.1] 10.6
        equal [r incrbyfloat k -5] 5.6
        r set k 10.5
        equal [r incrbyfloat k 5.0e3] 5010.5
        r set k 3.0e3
        equal [r incrbyfloat k 200] 3200
        r set k 1 EX 100
        r incrbyfloat k 0.5
        between 99 [r ttl k] 100
        r set k x
        refuses "ERR value is not a valid float" {r incrbyfloat k 1}
        r set k 1
        refuses "ERR value is not a valid float" {r incrbyfloat k x}
        refuses "ERR increment would produce NaN or Infinity" {r incrbyfloat k +inf}
    }

    test "LCS" {
        r mset a ohmytext b mynewtext
        equal [r lcs a b] mytext
        equal [r lcs a b LEN] 6
        equal [r lcs a b IDX] {matches {{{4 7} {5 8}} {{2 3} {0 1}}} len 6}
        equal [r lcs a b IDX MINMATCHLEN 4] {matches {{{4 7} {5 8}}} len 6}
        equal [r lcs a b IDX WITHMATCHLEN] {matches {{{4 7} {5 8} 4} {{2 3} {0 1} 2}} len 6}
        equal [r lcs a missing] {}
        equal [r lcs missing b LEN] 0
        refuses "ERR If you want both the length and indexes, please just use IDX." {r lcs a b IDX LEN}
        refuses "ERR syntax error" {r lcs a b FOO}
        r set a [string repeat x 20000]
        r set b [string repeat y 20000]
        refuses "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len" {r lcs a b}
        r del a b
    }

    test "LCS of random strings is a common subsequence of the right length" {
        seed 7
        for {set round 0} {$round < 30} {incr round} {
            foreach key {a b} {
                set s($key) ""
                for {set i [random 40]} {$i > 0} {incr i -1} {
                    append s($key) [string index abcd [random 4]]
                }
                r set $key $s($key)
            }
            # Row by row, the lengths for the part of b so far.
            set above [lrepeat [expr {[string length $s(b)] + 1}] 0]
            foreach x [split $s(a) ""] {
                set row {0}
                set j 0
                foreach y [split $s(b) ""] {
                    lappend row [expr {$x eq $y ? [lindex $above $j] + 1 : max([lindex $above $j+1], [lindex $row $j])}]
                    incr j
                }
                set above $row
            }
            set common [r lcs a b]
            equal [string length $common] [lindex $above end]
            equal [r lcs a b LEN] [lindex $above end]
            foreach key {a b} {
                set at -1
                foreach x [split $common ""] {
                    set at [string first $x $s($key) $at+1]
                    assert {$at >= 0}
                }
            }
        }
    }

    test "Encodings have the names that clients know" {
        foreach {v enc} [list 0 int -5 int 9223372036854775807 int 9223372036854775808 embstr a embstr 01 embstr "" embstr \
            [string repeat x 44] embstr [string repeat x 45] raw] {
            r set k $v
            equal [r object encoding k] $enc $v
        }
    }

    test "Random commands agree with a model" {
        seed 42
        set model {}
        for {set i 0} {$i < 3000} {incr i} {
            set k key:[random 20]
            set v [random 1000000]
            if {[random 2]} {
                set v [random_bytes [random 60]]
            }
            set old ""
            if {[dict exists $model $k]} {
                set old [dict get $model $k]
            }
            switch [random 7] {
                0 { r set $k $v; dict set model $k $v }
                1 { equal [r getset $k $v] $old; dict set model $k $v }
                2 { equal [r append $k $v] [string length $old$v]; dict set model $k $old$v }
                3 { equal [r get $k] $old }
                4 { equal [r del $k] [dict exists $model $k]; dict unset model $k }
                5 {
                    if {[string is integer -strict $old] && [string trim $old] eq $old && [format %d $old] eq $old} {
                        equal [r incr $k] [expr {$old + 1}]
                        dict set model $k [expr {$old + 1}]
                    }
                }
                6 {
                    if {$v ne ""} {
                        set at [random 80]
                        if {[string length $old] < $at} {
                            append old [string repeat \0 [expr {$at - [string length $old]}]]
                        }
                        set new [string range $old 0 $at-1]$v[string range $old [expr {$at + [string length $v]}] end]
                        equal [r setrange $k $at $v] [string length $new]
                        dict set model $k $new
                    }
                }
            }
        }
        dict for {k v} $model {
            equal [r get $k] $v
        }
        equal [lsort [r keys key:*]] [lsort [dict keys $model]]
    }
}

server {proto-max-bulk-len 1mb} {
    test "proto-max-bulk-len bounds what commands build" {
        set big [string repeat x 1000000]
        equal [r set k $big] OK
        refuses "ERR string exceeds maximum allowed size (proto-max-bulk-len)" {r append k $big}
        equal [r strlen k] 1000000
        equal [r append k [string repeat y 48576]] 1048576
        refuses "ERR string exceeds*" {r append k z}
        refuses "ERR bit offset is not an integer or out of range" {r setbit k 8388608 1}
        equal [r setbit k 8388607 1] 1
    }
}

# The whole data set as a value, to compare before and after.

# A sorted list of {db key type value deadline}.
proc state {} {
    set out {}
    for {set db 0} {$db < 16} {incr db} {
        r select $db
        foreach key [lsort -unique [scan_all count 1000]] {
            lappend out [list $db $key [r type $key] [r get $key] [r pexpiretime $key]]
        }
    }
    r select 0
    return [lsort $out]
}

# Fails with the first difference.
proc same_state {got expected} {
    foreach a $got b $expected {
        if {$a ne $b} {
            fail "states differ ([llength $got] and [llength $expected] keys): got '[clip $a]', expected '[clip $b]'"
        }
    }
}

# Random writing commands of every kind; the deadlines that they set lie far ahead or in the past.
proc random_writes {n {keys 50}} {
    set far_s [expr {[clock seconds] + 100000}]
    set far ${far_s}000
    for {set i 0} {$i < $n} {incr i} {
        set k key:[random $keys]
        set l key:[random $keys]
        set v [random 100000]
        if {[random 3] == 0} {
            set v [random_bytes [random 100]]
        }
        set at [random 100]
        set bit [random 2]
        set command [lindex {
            {set $k $v} {set $k $v} {set $k $v EX 100000} {set $k $v PX 100000000} {set $k $v PXAT $far}
            {set $k $v EXAT $far_s} {set $k $v KEEPTTL} {set $k $v GET} {set $k $v NX} {set $k $v XX EX 90000}
            {setex $k 100000 $v} {psetex $k 100000000 $v} {setnx $k $v} {getset $k $v} {getdel $k}
            {getex $k EX 100000} {getex $k PERSIST} {getex $k PXAT 1} {mset $k $v $l x$v} {msetnx $k $v $l $v}
            {append $k $v} {setrange $k $at $v} {incr $k} {decr $k} {incrby $k 77} {decrby $k 5}
            {incrbyfloat $k 1.25} {setbit $k $at $bit} {bitop OR $k $k $l} {bitop NOT $k $l}
            {bitfield $k SET u8 $at 5 INCRBY i16 #2 3} {del $k} {unlink $k $l} {rename $k $l} {renamenx $k $l}
            {copy $k $l REPLACE} {copy $k $l DB 1 REPLACE} {move $k 2} {expire $k 100000} {pexpire $k 100000000}
            {expireat $k $far_s} {pexpireat $k $far} {expire $k -1} {persist $k} {swapdb 1 2}
        } [random 45]]
        # Errors (wrong forms of a value, no such key) are part of the game.
        catch {r {*}[lmap word $command {subst -nocommands $word}]}
        if {[random 40] == 0} {
            r multi
            r set $k in-multi
            r incr counter
            r del $l
            r exec
        }
    }
}

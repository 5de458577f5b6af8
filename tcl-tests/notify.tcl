# Keyspace notifications of strings and keys.
# tags: notify

proc event_of {channel} {
    return [string range $channel [expr {[string first : $channel] + 1}] end]
}

# Runs a command and answers the events that it caused, as "event key".
proc events {command} {
    r {*}$command
    r publish end x
    set out {}
    while 1 {
        lassign [$::listener read] kind pattern channel message
        if {$channel eq "end"} {
            return $out
        }
        lappend out "[event_of $channel] $message"
    }
}

server {notify-keyspace-events EAn} {
    set listener [new_client]
    $listener psubscribe __keyevent@*
    $listener psubscribe end

    test "Events of the string commands" {
        foreach {command want} {
            {set k 1} {{new k} {set k}}
            {set k 1} {{set k}}
            {set k 1 EX 100} {{set k} {expire k}}
            {setex k 100 1} {{set k} {expire k}}
            {incr k} {{incrby k}}
            {decrby k 4} {{incrby k}}
            {incrbyfloat k 1} {{incrbyfloat k}}
            {append k x} {{append k}}
            {setrange k 3 x} {{setrange k}}
            {getset k 1} {{set k}}
            {getex k} {}
            {getex k EX 100} {{expire k}}
            {getex k PERSIST} {{persist k}}
            {getex k PXAT 1} {{del k}}
            {mset a 1 b 2} {{new a} {set a} {new b} {set b}}
            {msetnx a 1 z 2} {}
            {getdel a} {{del a}}
            {setbit b 2 1} {}
            {setbit b 0 1} {{setbit b}}
            {bitfield b SET u8 0 7} {{setbit b}}
            {bitfield b GET u8 0} {}
            {bitop NOT d b} {{new d} {set d}}
            {bitop AND d missing} {{del d}}
            {get missing} {}
            {setnx b 1} {}
        } {
            equal [events $command] $want $command
        }
    }

    test "Events of the key commands" {
        r flushall
        events {mset k 1 l 2}
        foreach {command want} {
            {expire k 100} {{expire k}}
            {expire missing 100} {}
            {persist k} {{persist k}}
            {persist k} {}
            {pexpireat k 1} {{del k}}
            {rename l m} {{new m} {rename_from l} {rename_to m}}
            {copy m n} {{new n} {copy_to n}}
            {move n 1} {{new n} {move_from n} {move_to n}}
            {del m missing} {{del m}}
            {unlink m} {}
        } {
            equal [lsort [events $command]] [lsort $want] $command
        }
    }

    test "Expiry is told" {
        events {flushall}
        r set k v PX 1
        after 30
        catch {r get k}
        set seen {}
        while 1 {
            lappend seen [event_of [lindex [$::listener read] 2]]
            if {[lindex $seen end] eq "expired"} {
                break
            }
        }
        equal $seen {new set expire expired}
    }
}

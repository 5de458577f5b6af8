# FAILOVER: the master's role goes to a replica that has everything, or stays.
# tags: replication

proc port {} {
    return [dict get $srv::current port]
}

proc info_of {client section name} {
    regexp -line "^$name:(\[^\r\]*)" [$client info $section] -> value
    return $value
}

proc role_of {client} {
    return [lindex [$client role] 0]
}

proc idle {client} {
    return [expr {[info_of $client replication master_failover_state] eq "no-failover"}]
}

server {enable-debug-command yes} {
    set ::a [new_client]
    set ::a_port [port]

    test "It wants replicas, and words that make sense" {
        refuses "ERR FAILOVER requires connected replicas." {r failover}
        refuses "ERR No failover in progress." {r failover abort}
        refuses "ERR syntax error" {r failover to 127.0.0.1}
        refuses "ERR FAILOVER timeout must be greater than 0" {r failover timeout 0}
    }

    server {enable-debug-command yes} {
        set ::b [new_client]
        set ::b_port [port]
        r replicaof 127.0.0.1 $::a_port
        eventually 20000 {[info_of $::b replication master_link_status] eq "up"}

        test "What is no replica, or is one itself, cannot be handed over to" {
            refuses "ERR FAILOVER target HOST and PORT is not a replica." {$::a failover to 127.0.0.1 1}
            refuses "ERR FAILOVER with force option*" {$::a failover to 127.0.0.1 $::b_port force}
            refuses "ERR FAILOVER is not valid when server is a replica." {$::b failover}
            refuses "ERR PSYNC FAILOVER can't be sent to a master." {$::a psync x 1 failover}
            refuses "ERR PSYNC FAILOVER replid must match my replid." {$::b psync x 1 failover}
        }

        test "The role goes there and back, with all the data and without a dump" {
            $::a set last 1
            $::a failover to 127.0.0.1 $::b_port
            eventually 10000 {[idle $::a] && [role_of $::b] eq "master"}
            eventually 10000 {[info_of $::a replication master_link_status] eq "up"}
            equal [role_of $::a] slave
            equal [$::b get last] 1
            $::b set last 2
            $::b failover
            eventually 10000 {[idle $::b] && [role_of $::a] eq "master"}
            eventually 10000 {[info_of $::b replication master_link_status] eq "up"}
            equal [$::a get last] 2
            equal [$::b debug digest] [$::a debug digest]
            equal [info_of $::a stats sync_full] 1
            equal [info_of $::b stats sync_full] 0
        }

        test "A replica that stands still leaves the role where it is" {
            exec kill -STOP [dict get $srv::current pid]
            $::a set last 3
            $::a failover timeout 60000
            equal [info_of $::a replication master_failover_state] waiting-for-sync
            refuses "ERR FAILOVER already in progress." {$::a failover}
            refuses "ERR REPLICAOF not allowed while failing over." {$::a replicaof no one}
            $::a failover abort
            $::a set last 4
            $::a failover timeout 100
            eventually 5000 {[idle $::a]}
            equal [role_of $::a] master
            $::a set last 5
            exec kill -CONT [dict get $srv::current pid]
            eventually 10000 {[$::b get last] eq "5"}
        }
    }
}

# SHUTDOWN with replicas: it waits until they have everything, can be called off, and fails when it has to.
# tags: replication

proc port {} {
    return [dict get $srv::current port]
}

proc info_of {client section name} {
    if {![regexp -line "^$name:(\[^\r\]*)" [$client info $section] -> value]} {
        return {}
    }
    return $value
}

server {enable-debug-command yes} {
    set ::master [new_client]
    set ::at [port]
    set ::pid [dict get $srv::current pid]

    server {} {
        r replicaof 127.0.0.1 $::at
        eventually 20000 {[info_field master_link_status] eq "up"}
        $::master config set shutdown-timeout 300

        test "It waits for a replica that lags, and can be called off" {
            exec kill -STOP [dict get $srv::current pid]
            $::master set k 1
            exec kill -TERM $::pid
            eventually 5000 {[info_of $::master server shutdown_in_milliseconds] ne ""}
            equal [$::master get k] 1
            equal [$::master shutdown abort] OK
            equal [info_of $::master server shutdown_in_milliseconds] {}
            equal [$::master set k 2] OK
            refuses "ERR No shutdown in progress." {$::master shutdown abort}
        }

        test "It goes on when the replica has everything" {
            $::master set k 3
            exec kill -TERM $::pid
            eventually 5000 {[info_of $::master server shutdown_in_milliseconds] ne ""}
            exec kill -CONT [dict get $srv::current pid]
            eventually 10000 {[catch {exec kill -0 $::pid}]}
            equal [r get k] 3
        }
    }
}

/* What the process is to the system: background, pid file, supervisor, title, limits, scores. */
#ifndef ORBIT_SERVER_PROCESS_H
#define ORBIT_SERVER_PROCESS_H

/* Before anything else: keeps argv's room for the title. */
void process_title_setup(int argc, char **argv);
/* Sets the title from proc-title-template; follows CONFIG SET. */
void process_title_update(void);

void process_daemonize(void);
void process_pidfile_write(void);
void process_pidfile_remove(void);

/* Decides whether a supervisor waits for word from us (supervised). */
void process_supervise(void);
/* "READY=1", "STOPPING=1" ... to systemd, when it supervises us. */
void process_notify(const char *state);

/* Raises the limit of open files for maxclients, or lowers maxclients to what there is. */
void process_adjust_files(void);
/* oom-score-adj; follows CONFIG SET. */
void process_oom_setup(void);
void process_disable_thp(void);
/* loop-nice: priority of the loop thread, when the other threads are there; follows CONFIG SET. */
void process_loop_nice(void);
/* Log lines about settings of the system that cost speed or safety. */
void process_warn(void);

#endif

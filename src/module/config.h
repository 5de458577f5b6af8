/* What the options, INFO sections and logins of modules have to do with the loader. */
#ifndef ORBIT_MODULE_CONFIG_H
#define ORBIT_MODULE_CONFIG_H

struct module;

void module__configs_drop(struct module *m);

/* info.c: attaches to INFO; once, at the start. */
void module__info_start(void);
void module__info_drop(struct module *m);

/* auth.c: attaches to logging in, and to sessions that become another user's. */
void module__auth_start(void);
void module__auth_drop(struct module *m);

#endif

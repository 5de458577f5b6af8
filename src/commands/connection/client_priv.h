/* What the CLIENT subcommands share. */
#ifndef ORBIT_COMMANDS_CONNECTION_CLIENT_PRIV_H
#define ORBIT_COMMANDS_CONNECTION_CLIENT_PRIV_H

#include "base/buf.h"
#include "session/session.h"

#define CLIENT_NAME_ERROR "ERR Client names cannot contain spaces, newlines or special characters."

/* Printable ASCII without spaces. */
bool client__name_ok(struct slice name);
/* Sets an attribute; an empty value takes it away. */
void client__set(struct buf *to, struct slice value);

enum client_type {
    CLIENT_TYPE_NORMAL,
    CLIENT_TYPE_REPLICA,
    CLIENT_TYPE_MASTER,
    CLIENT_TYPE_PUBSUB
};
/* False: no such type. */
bool client__type_parse(struct slice word, enum client_type *type);
enum client_type client__type(const struct session *s);
/* Appends the line of CLIENT LIST, without its newline. */
void client__line(struct buf *out, struct session *s);

#endif

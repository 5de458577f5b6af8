/* Texts as HTTP carries them: percent-encoding, base64, credentials, error texts. Pure. */
#ifndef ORBIT_WIRE_HTTP_TEXT_CODEC_H
#define ORBIT_WIRE_HTTP_TEXT_CODEC_H

#include "base/buf.h"

bool text_is_utf8(struct slice s);

void text_put_base64(struct slice s, struct buf *out);
/* The usual alphabet, padded or not. False: it is none. */
MUST_USE bool text_get_base64(struct slice s, struct buf *out);

/* Appends s with each %XX as a byte, and, when plus_is_space, '+' as a blank. False: a '%' without two hex digits. */
MUST_USE bool text_percent_decode(struct slice s, bool plus_is_space, struct buf *out);
/* Appends the decoded value of the first parameter of that name in "a=1&b=2". False: there is none, or it is malformed. */
MUST_USE bool text_query_get(struct slice query, const char *name, struct buf *out);

/* "WRONGTYPE Operation ..." -> code and message. A text without a code in front gets "ERR". */
void text_split_error(struct slice text, struct slice *code, struct slice *message);

/* What an Authorization header carries. Basic: user and password. Bearer: a token, and, when it is base64 of "user:password",
 * these two. */
struct text_credentials {
    struct buf decoded;
    struct slice user, password; /* point into decoded; user.p NULL: none */
    struct slice token;          /* of Bearer; points into the header */
};
/* False: another scheme, or malformed. c is freed by text_credentials_free in either case. */
MUST_USE bool text_get_credentials(struct slice header, struct text_credentials *c);
void text_credentials_free(struct text_credentials *c);

#endif

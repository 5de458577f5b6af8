#include "base/glob.h"

/* One place to go back to is enough: when a later '*' is reached, an earlier one need not take more. So the work is bounded
 * by length of pattern times length of text, whatever the pattern. */

static inline unsigned char fold(char c, bool nocase)
{
    unsigned char u = (unsigned char)c;
    return nocase && u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

/* Matches c against the class whose '[' is at p[*at]; leaves *at behind the class. An unclosed class ends with the pattern;
 * a byte after a backslash stands for itself, in its own case. */
static bool match_class(struct slice p, size_t *at, char c, bool nocase)
{
    size_t i = *at + 1;
    bool negated = i < p.n && p.p[i] == '^';
    i += negated;
    bool hit = false;
    unsigned char want = fold(c, nocase);
    while (i < p.n && p.p[i] != ']') {
        if (p.p[i] == '\\' && p.n - i >= 2) {
            hit |= p.p[i + 1] == c;
            i += 2;
        } else if (p.n - i >= 3 && p.p[i + 1] == '-') {
            unsigned char low = fold(p.p[i], nocase), high = fold(p.p[i + 2], nocase);
            if (low > high) {
                unsigned char swap = low;
                low = high;
                high = swap;
            }
            hit |= want >= low && want <= high;
            i += 3;
        } else {
            hit |= fold(p.p[i], nocase) == want;
            i++;
        }
    }
    *at = i < p.n ? i + 1 : i;
    return hit != negated;
}

/* Matches c against the one element at p[*at], which is no '*', and steps over it. */
static bool match_one(struct slice p, size_t *at, char c, bool nocase)
{
    char e = p.p[*at];
    if (e == '[')
        return match_class(p, at, c, nocase);
    if (e == '\\' && p.n - *at >= 2)
        e = p.p[++*at];
    else if (e == '?') {
        ++*at;
        return true;
    }
    ++*at;
    return fold(e, nocase) == fold(c, nocase);
}

bool glob_match(struct slice pattern, struct slice text, bool nocase)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, star_text = 0; /* behind the last '*', and the text it has not taken */
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            while (p < pattern.n && pattern.p[p] == '*')
                p++;
            if (p == pattern.n)
                return true;
            star = p;
            star_text = t;
            continue;
        }
        if (p < pattern.n && match_one(pattern, &p, text.p[t], nocase)) {
            t++;
            continue;
        }
        if (star == SIZE_MAX)
            return false;
        p = star;
        t = ++star_text;
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

bool glob_is_literal(struct slice pattern)
{
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];
        if (c == '*' || c == '?' || c == '[' || c == '\\')
            return false;
    }
    return true;
}

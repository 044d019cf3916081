
/*
 * What the style checker has to report, and, in the functions called good,
 * what it must not.
 */


#include <string.h>


typedef struct {
    int             good;
} bad_t;


static int good(bad_t *b, const char *text);


static int bad_type(bad_t *b) /* bad: type */
{
    return b->good;
}

static int
bad_gap(bad_t *b) /* bad: gap2 */
{
    return b->good;
}


static int
bad_declarations(bad_t *b)
{
    int x; /* bad: gap */
    const char  *text; /* bad: align */
    size_t  len; /* bad: align */

    text = "//	is no comment, and neither is if(x)	"; /* bad: tab */
    len = strlen(text);
    x = (int)len; /* bad: cast */

    if(x == 1) { /* bad: keyword */
        x++;
    } else { /* bad: else */
        x--;
    }

    if (x == 2) /* bad: braces */
        x = 3;

    if (x == 4
        && len == 4) { /* bad: condition */
        x = 5;
    }
    else { /* bad: else */
        x = 6;
    }

    // not nginx's /* bad: comment */

    int fooBar = 1; /* bad: case blank */ 

    return(x + fooBar + b->good);                 /* bad: keyword case columns */
}



static int /* bad: empty */
bad_brace(bad_t *b) { /* bad: type */
    return b->good;
}


static void
bad_nesting(bad_t *b)
{ /* bad: nesting */
    if (b) {
        for ( ;; ) {
            while (b->good) {
                if (b->good == 1) {
                    if (b->good == 2) {
                        b->good = 3;
                    }
                }
            }
        }
    }
}


static void
bad_size(bad_t *b)
{ /* bad: function */
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
    b->good++;
}


static int
good(bad_t *b, const char *text)
{
    int          n;
    char        *p;
    const char  *end;

    n = (int) strlen(text);
    end = text + n;

    for (p = (char *) text; p < end; p++) {

        if (*p == '/'
            && p + 1 < end
            && p[1] == '/')
        {
            n = 0;
            break;
        }

        if (*p == '}') {
            n++;

        } else if (*p == '{') {
            n--;

        } else {
            b->good = n;
        }
    }

    do {
        n--;
    } while (n > 0);

    return n;
}

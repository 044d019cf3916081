
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Two oracles: where the bytes that are written come from, and what jansson
 * reads in the same text.
 */


#include "split_check.h"


#define OPTION_REPAIR   0x01
#define OPTION_STRIP    0x02
#define OPTION_UNIQUE   0x04
#define OPTION_PER      0x08
#define OPTION_SCALAR   0x10
#define OPTION_PART     0x20
#define OPTION_TOP      0x40
#define OPTION_ECHO     0x80


static const llmb_form_t *
form_of(unsigned i)
{
    unsigned  j, k, n;

    for (n = 0; /* void */ ; n = 1) {

        for (j = 0; j < llmb_nadapters; j++) {

            for (k = 0; llmb_adapters[j]->forms[k]; k++, n++) {

                if (i-- == 0) {
                    return llmb_adapters[j]->forms[k];
                }
            }
        }
    }
}


call_t *
call_create(const uint8_t *header)
{
    call_t        *c = calloc(1, sizeof(call_t));
    uint8_t        options = (uint8_t) (header[5] - '0');
    uint32_t       i, k, n;
    llmb_share_t  *share;

    static const llmb_str_t  echo = llmb_string("\"own id\"");

    n = 1 + (uint8_t) (header[1] - '0') % CALL_ITEMS;

    c->conf.form = form_of((uint8_t) (header[0] - '0'));
    c->conf.items = n;
    c->conf.per = (options & OPTION_PER && c->conf.form->per.len) ? 2 : 1;
    c->conf.base64 = options & OPTION_REPAIR;
    c->conf.repair = options & OPTION_REPAIR;
    c->conf.strip = (options & OPTION_STRIP) != 0;

    share = NULL;

    for (i = 0; i < n; i++) {

        if (i == 0 || header[2] >> (i % 8) & 1) {
            share = &c->shares[c->members++];
            share->first = i;
        }

        share->items++;
        share->tokens += (uint8_t) (header[3] * (i + 1));
    }

    c->conf.members = c->members;
    c->conf.shared = c->members > 1;

    for (k = 0; k < c->members; k++) {
        share = &c->shares[k];

        share->scalar = (options & OPTION_SCALAR && share->items == 1);
        share->part = (options & OPTION_PART && k % 2);

        if (options & OPTION_TOP) {
            share->top = 1 + k % 3;
        }

        if (options & OPTION_ECHO && k % 2) {
            share->echo = echo;
        }
    }

    c->own = n;

    if (options & OPTION_UNIQUE && !c->conf.form->read_answer) {
        c->conf.unique = c->unique;
        c->conf.items = 1 + (uint8_t) header[6] % n;

        for (i = 0; i < n; i++) {
            c->unique[i].position = (header[6] * (i + 1) + i)
                                    % c->conf.items;
        }
    }

    return c;
}


void
call_start(call_t *c)
{
    free(c->room);

    c->room = malloc(llmb_split_room(&c->conf));
    memset(c->room, 0xff, llmb_split_room(&c->conf));

    llmb_split_init(&c->split, &c->conf, c->room);
}


void
call_destroy(call_t *c)
{
    json_decref(c->whole);
    free(c->room);
    free(c);
}


uint32_t
call_position(const call_t *c, uint32_t k, uint32_t item)
{
    item += c->shares[k].first;

    return c->conf.unique ? c->unique[item].position : item;
}


json_t *
json_around(json_t *root, llmb_str_t path, char *name)
{
    size_t       len;
    const char  *p = (const char *) path.data, *dot;

    for ( ;; ) {
        len = path.len - (size_t) (p - (const char *) path.data);
        dot = memchr(p, '.', len);
        len = dot ? (size_t) (dot - p) : len;

        memcpy(name, p, len);
        name[len] = '\0';

        if (dot == NULL || root == NULL) {
            return root;
        }

        root = json_object_get(root, name);
        p = dot + 1;
    }
}


json_t *
json_at(json_t *root, llmb_str_t path)
{
    char  name[64];

    if (path.len == 0) {
        return root;
    }

    root = json_around(root, path, name);

    return json_object_get(root, name);
}


/* elements and rows lie apart, within their lists */

void
check_spans(const call_t *c)
{
    unsigned             l;
    uint32_t             i, j;
    const llmb_elem_t   *a, *b;
    const llmb_span_t   *row;
    const llmb_split_t  *sp = &c->split;

    for (i = 0; i < sp->n && !c->conf.form->read_answer; i++) {
        a = &sp->elems[i];

        require(a->value.start < a->value.end);
        require(a->value.start >= sp->list.start);
        require(a->value.end <= sp->list.end);
        require(a->value.end <= c->answer.len);
        require(a->order < sp->n);

        for (j = 0; j < i; j++) {
            b = &sp->elems[j];
            require(a->value.end <= b->value.start
                    || b->value.end <= a->value.start);
            require(a->order != b->order);
        }
    }

    for (l = 0; l < sp->nlists; l++) {

        for (i = 0; i < c->conf.items; i++) {
            row = &sp->lists[l].elems[i];

            require(row->start < row->end);
            require(row->start >= (i ? row[-1].end + 1
                                     : sp->lists[l].list.start));
            require(row->end <= sp->lists[l].list.end);
            require(row->end <= c->answer.len);
        }
    }
}


/*
 * What is different for each member is taken out, in a copy: lists, counts,
 * the id.
 */

static void
take_out(json_t *root, llmb_str_t path)
{
    char         name[64];
    void        *tmp;
    json_t      *value;
    const char  *key;

    if (path.len == 0) {
        return;
    }

    root = json_around(root, path, name);

    if (strcmp(name, "*") != 0) {
        (void) json_object_del(root, name);
        return;
    }

    json_object_foreach_safe(root, tmp, key, value) {

        if (json_is_array(value)) {
            json_object_del(root, key);
        }
    }
}


llmb_str_t
list_path(const llmb_form_t *form, json_t *root)
{
    if (form->or_list.len && json_is_array(json_at(root, form->or_list))) {
        return form->or_list;
    }

    return form->list;
}


unsigned
has_both(const llmb_form_t *form, json_t *root)
{
    return form->or_list.len && json_at(root, form->list)
           && json_is_array(json_at(root, form->or_list));
}


json_t *
check_frame(const call_t *c, json_t *root)
{
    char                single[64];
    json_t             *frame;
    const llmb_form_t  *form = c->conf.form;

    static const llmb_str_t  id = llmb_string("id");

    if (form->list.len == 0 && !form->read_answer) {
        return json_null();
    }

    frame = json_deep_copy(root);

    if (form->single_name.len) {
        memcpy(single, form->single_name.data, form->single_name.len);
        single[form->single_name.len] = '\0';
        json_object_del(frame, single);
    }

    take_out(frame, list_path(form, root));
    take_out(frame, form->also);
    take_out(frame, form->usage[0]);
    take_out(frame, form->usage[1]);
    take_out(frame, id);

    if (form->read_answer) {
        json_object_del(frame, "outputs");
    }

    return frame;
}


/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What has been cut for the parts of one request is put together again.
 */


#include "join.h"
#include "split_check.h"


/* the answers to the parts, as they are kept */

static void
make_parts(call_t *c, join_part_t *parts, buffer_t *texts, void **rooms)
{
    uint32_t           k;
    llmb_sink_t        sink;
    llmb_share_t       shares[CALL_ITEMS];
    llmb_split_conf_t  conf;

    memcpy(shares, c->shares, sizeof(shares));
    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = c->conf.form;
    conf.per = c->conf.per;

    for (k = 0; k < c->members; k++) {
        shares[k].part = 1;
        sink = buffer_sink(&texts[k]);

        require(llmb_split_write(&c->split, c->answer.data, shares,
                                 c->members, k, &sink)
                == LLMB_OK);

        conf.items = shares[k].items;

        rooms[k] = malloc(llmb_split_room(&conf));
        parts[k].base = texts[k].data;

        llmb_split_init(&parts[k].split, &conf, rooms[k]);

        require(llmb_split_read(&parts[k].split, texts[k].data, texts[k].len,
                                1)
                == LLMB_OK);
    }
}


static int
by_index(const call_t *c, json_t *a, json_t *b)
{
    json_int_t  i, j;

    i = json_integer_value(json_at(a, c->conf.form->index));
    j = json_integer_value(json_at(b, c->conf.form->index));

    return i < j;
}


/* elements in the order of their positions; a bare element in a list */

static json_t *
in_order(const call_t *c, json_t *root)
{
    char                name[64];
    size_t              i, j;
    json_t             *list, *elem, *sorted, *around;
    const llmb_form_t  *form = c->conf.form;

    root = json_deep_copy(root);
    list = json_at(root, list_path(form, root));

    if (json_is_object(list) && form->single != LLMB_SINGLE_LIST) {
        sorted = json_pack("[O]", list);

    } else if (form->index.len && json_is_array(list)) {
        sorted = json_array();

        json_array_foreach(list, i, elem) {

            for (j = 0; j < json_array_size(sorted); j++) {

                if (by_index(c, elem, json_array_get(sorted, j))) {
                    break;
                }
            }

            json_array_insert(sorted, j, elem);
        }

    } else {
        return root;
    }

    if (form->list.len == 0) {
        json_decref(root);
        return sorted;
    }

    around = json_around(root, list_path(form, root), name);
    json_object_set_new(around, name, sorted);

    return root;
}


static void
check_joined(call_t *c, const buffer_t *b)
{
    json_t  *whole, *joined, *sorted;

    joined = oracle_read(b->data, b->len);

    require((joined == NULL) <= (c->whole == NULL));

    if (joined && c->whole && !has_both(c->conf.form, c->whole)) {
        whole = in_order(c, c->whole);
        sorted = in_order(c, joined);

        if (json_is_string(json_object_get(sorted, "id"))) {
            json_object_del(whole, "id");
            json_object_del(sorted, "id");
        }

        require(json_equal(whole, sorted));

        json_decref(whole);
        json_decref(sorted);
    }

    json_decref(joined);
}


void
check_joint(call_t *c)
{
    void          *rooms[CALL_ITEMS];
    buffer_t       texts[CALL_ITEMS];
    uint32_t       k;
    llmb_rc_e      rc;
    join_part_t    parts[CALL_ITEMS];
    join_play_t    play;

    if (c->conf.form->ranked || c->conf.form->read_answer || c->conf.unique
        || c->conf.repair || c->conf.strip)
    {
        return;
    }

    make_parts(c, parts, texts, rooms);

    memset(&play, 0, sizeof(join_play_t));
    play.step = c->answer.len / 3;

    rc = join_parts(&play, parts, c->members);

    if (rc == LLMB_OK) {
        check_joined(c, &play.out);

    } else {

        /* more counts than are added up */

        require(rc == LLMB_INVALID && c->answer.len > 4 * LLMB_JOIN_COUNTS);
    }

    free(play.out.data);

    for (k = 0; k < c->members; k++) {
        free(rooms[k]);
        free(texts[k].data);
    }
}

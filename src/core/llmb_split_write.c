
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Cuts an answer that has been read.  A member's answer is the upstream's
 * with patches: spans that are written anew, all else being copied.
 */


#include "llmb_split.h"
#include "llmb_split_parts.h"


#define LLMB_SPLIT_PATCHES  (2 * LLMB_MAX_LISTS + 5)


typedef struct llmb_patch_s  llmb_patch_t;

struct llmb_patch_s {
    llmb_span_t            span;
    llmb_rc_e            (*write)(llmb_cut_t *cut, unsigned i);
    unsigned               i;
};


typedef struct {
    unsigned               n;
    llmb_patch_t           elems[LLMB_SPLIT_PATCHES];
} llmb_patches_t;


static void llmb_split_patch(llmb_patches_t *patches, llmb_span_t span,
    llmb_rc_e (*write)(llmb_cut_t *cut, unsigned i), unsigned i);
static void llmb_split_patch_list(const llmb_cut_t *cut,
    llmb_patches_t *patches);
static void llmb_split_patch_id(const llmb_cut_t *cut,
    llmb_patches_t *patches);
static llmb_span_t llmb_split_id_member(const llmb_split_t *sp,
    const uint8_t *base);
static unsigned llmb_split_is_bare(const llmb_split_t *sp,
    const llmb_share_t *share);
static llmb_rc_e llmb_split_apply(llmb_cut_t *cut,
    const llmb_patches_t *patches);

static llmb_rc_e llmb_split_write_items(llmb_cut_t *cut, unsigned i);
static llmb_rc_e llmb_split_write_name(llmb_cut_t *cut, unsigned i);
static llmb_rc_e llmb_split_write_usage(llmb_cut_t *cut, unsigned i);
static llmb_rc_e llmb_split_write_id(llmb_cut_t *cut, unsigned i);
static llmb_rc_e llmb_split_write_nothing(llmb_cut_t *cut, unsigned i);


llmb_rc_e
llmb_split_write(const llmb_split_t *sp, const uint8_t *base,
    const llmb_share_t *shares, uint32_t members, uint32_t k,
    llmb_sink_t *out)
{
    unsigned         i;
    llmb_cut_t       cut;
    llmb_patches_t   patches;

    cut.sp = sp;
    cut.base = base;
    cut.share = &shares[k];
    cut.members = members;
    cut.k = k;
    cut.out = out;

    patches.n = 0;

    if (!sp->conf.form->tensors) {
        llmb_split_patch_list(&cut, &patches);
    }

    for (i = 0; i < sp->nlists; i++) {
        llmb_split_patch(&patches, sp->lists[i].list, llmb_split_write_column,
                         i);

        if (sp->lists[i].count.end) {
            llmb_split_patch(&patches, sp->lists[i].count,
                             llmb_split_write_items, i);
        }
    }

    for (i = 0; i < 2; i++) {

        if (sp->usage[i].end) {
            llmb_split_patch(&patches, sp->usage[i], llmb_split_write_usage,
                             i);
        }
    }

    llmb_split_patch_id(&cut, &patches);

    return llmb_split_apply(&cut, &patches);
}


/* in the order of the text */

static void
llmb_split_patch(llmb_patches_t *patches, llmb_span_t span,
    llmb_rc_e (*write)(llmb_cut_t *cut, unsigned i), unsigned i)
{
    unsigned       n;
    llmb_patch_t  *patch;

    patch = patches->elems;

    for (n = patches->n++; n && patch[n - 1].span.start > span.start; n--) {
        patch[n] = patch[n - 1];
    }

    patch[n].span = span;
    patch[n].write = write;
    patch[n].i = i;
}


static void
llmb_split_patch_list(const llmb_cut_t *cut, llmb_patches_t *patches)
{
    const llmb_split_t  *sp;

    sp = cut->sp;

    if (!llmb_split_is_bare(sp, cut->share)) {
        llmb_split_patch(patches, sp->list,
                         sp->brackets.end ? llmb_split_write_list
                                          : llmb_split_write_brackets,
                         0);
        return;
    }

    llmb_split_patch(patches, sp->brackets.end ? sp->brackets : sp->list,
                     llmb_split_write_list, 0);

    if (sp->conf.form->single_name.len && sp->name.end) {
        llmb_split_patch(patches, sp->name, llmb_split_write_name, 0);
    }
}


/*
 * If the answer repeats the client's own id, and this client has none, what is
 * there is the id of another.
 */

static void
llmb_split_patch_id(const llmb_cut_t *cut, llmb_patches_t *patches)
{
    const llmb_split_t  *sp;

    sp = cut->sp;

    if (sp->id.end == 0 || cut->members == 1) {
        return;
    }

    if (sp->conf.form->echo.len && cut->share->echo.len == 0) {
        llmb_split_patch(patches, llmb_split_id_member(sp, cut->base),
                         llmb_split_write_nothing, 0);
        return;
    }

    llmb_split_patch(patches, sp->id, llmb_split_write_id, 0);
}


/* the member of the id, with a comma behind it or before */

static llmb_span_t
llmb_split_id_member(const llmb_split_t *sp, const uint8_t *base)
{
    llmb_span_t     member;
    const uint8_t  *p;

    for (p = base + sp->id.end; *p <= ' '; p++) { /* void */ }

    member.end = (size_t) (p - base) + (*p == ',');

    /* the name is behind a quote, and has none in it */

    for (p = base + sp->id.start - 1; *p != '"'; p--) { /* void */ }
    for (p--; *p != '"'; p--) { /* void */ }

    member.start = (size_t) (p - base);

    if (base[member.end - 1] == ',') {
        return member;
    }

    for (p--; *p <= ' '; p--) { /* void */ }

    if (*p == ',') {
        member.start = (size_t) (p - base);
    }

    return member;
}


/* whether the client gets an element, not a list of one */

static unsigned
llmb_split_is_bare(const llmb_split_t *sp, const llmb_share_t *share)
{
    if (share->part || share->items != 1 || sp->conf.per != 1) {
        return 0;
    }

    switch (sp->conf.form->single) {

    case LLMB_SINGLE_SCALAR:
        return share->scalar;

    case LLMB_SINGLE_ONE:
        return 1;

    default:
        return 0;
    }
}


static llmb_rc_e
llmb_split_apply(llmb_cut_t *cut, const llmb_patches_t *patches)
{
    size_t               pos;
    unsigned             i;
    llmb_rc_e            rc;
    const llmb_patch_t  *patch;

    patch = patches->elems;

    for (i = 1; i < patches->n; i++) {

        if (patch[i].span.start < patch[i - 1].span.end) {
            return LLMB_INVALID;
        }
    }

    pos = 0;

    for (i = 0; i < patches->n; i++) {
        rc = llmb_split_copy(cut, pos, patch[i].span.start);

        if (rc == LLMB_OK) {
            rc = patch[i].write(cut, patch[i].i);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = patch[i].span.end;
    }

    return llmb_split_copy(cut, pos, cut->sp->len);
}


static llmb_rc_e
llmb_split_write_items(llmb_cut_t *cut, unsigned i)
{
    (void) i;

    return llmb_split_write_number(cut->out, cut->share->items);
}


static llmb_rc_e
llmb_split_write_name(llmb_cut_t *cut, unsigned i)
{
    llmb_rc_e  rc;

    (void) i;

    rc = cut->out->write(cut->out->data, (const uint8_t *) "\"", 1);

    if (rc == LLMB_OK) {
        rc = llmb_split_write_text(cut->out,
                                   cut->sp->conf.form->single_name);
    }

    if (rc == LLMB_OK) {
        rc = cut->out->write(cut->out->data, (const uint8_t *) "\"", 1);
    }

    return rc;
}


static llmb_rc_e
llmb_split_write_usage(llmb_cut_t *cut, unsigned i)
{
    size_t               pos;
    uint64_t             part;
    llmb_rc_e            rc;
    llmb_usage_t         us;
    const llmb_span_t   *usage;

    usage = &cut->sp->usage[i];
    pos = usage->start;

    llmb_usage_init(&us, llmb_split_text(cut->base, usage));

    while (llmb_usage_next(&us)) {

        part = llmb_split_part(cut->sp, cut->share,
                               llmb_split_count(cut->sp->conf.form, i, &us),
                               us.value);

        rc = llmb_split_copy(cut, pos, usage->start + us.tok.start);

        if (rc == LLMB_OK) {
            rc = llmb_split_write_number(cut->out, part);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = usage->start + us.tok.end;
    }

    return llmb_split_copy(cut, pos, usage->end);
}


static llmb_rc_e
llmb_split_write_id(llmb_cut_t *cut, unsigned i)
{
    llmb_rc_e           rc;
    const llmb_span_t  *id;

    (void) i;

    if (cut->share->echo.len) {
        return llmb_split_write_text(cut->out, cut->share->echo);
    }

    id = &cut->sp->id;

    rc = llmb_split_copy(cut, id->start, id->end - 1);

    if (rc == LLMB_OK) {
        rc = cut->out->write(cut->out->data, (const uint8_t *) "-", 1);
    }

    if (rc == LLMB_OK) {
        rc = llmb_split_write_number(cut->out, cut->k);
    }

    if (rc == LLMB_OK) {
        rc = llmb_split_copy(cut, id->end - 1, id->end);
    }

    return rc;
}


static llmb_rc_e
llmb_split_write_nothing(llmb_cut_t *cut, unsigned i)
{
    (void) cut;
    (void) i;

    return LLMB_OK;
}

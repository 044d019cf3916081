
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The umbrella of the nginx side: every source file includes this header and
 * nothing else of ours.
 */


#ifndef _NGX_HTTP_LLM_BATCH_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "llmb_beside.h"
#include "llmb_catalogue.h"
#include "llmb_chunks.h"
#include "llmb_company.h"
#include "llmb_counts.h"
#include "llmb_differ.h"
#include "llmb_family.h"
#include "llmb_frame.h"
#include "llmb_generate.h"
#include "llmb_group.h"
#include "llmb_hist.h"
#include "llmb_join.h"
#include "llmb_json_text.h"
#include "llmb_key.h"
#include "llmb_merge.h"
#include "llmb_meter.h"
#include "llmb_path.h"
#include "llmb_patience.h"
#include "llmb_payload.h"
#include "llmb_piece.h"
#include "llmb_prefix.h"
#include "llmb_quote.h"
#include "llmb_request.h"
#include "llmb_returned.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_lost.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"
#include "llmb_split.h"
#include "llmb_split_write.h"
#include "llmb_strip.h"
#include "llmb_upstream.h"
#include "llmb_verdict.h"


#define NGX_HTTP_LLM_BATCH_VERSION  "0.1.0"
#define NGX_HTTP_LLM_BATCH_AGENT                                              \
    "ngx_http_llm_batch_module/" NGX_HTTP_LLM_BATCH_VERSION


typedef struct ngx_http_llm_batch_zone_s      ngx_http_llm_batch_zone_t;
typedef struct ngx_http_llm_batch_ctx_s       ngx_http_llm_batch_ctx_t;
typedef struct ngx_http_llm_batch_part_s      ngx_http_llm_batch_part_t;
typedef struct ngx_http_llm_batch_cut_s       ngx_http_llm_batch_cut_t;
typedef struct ngx_http_llm_batch_call_s      ngx_http_llm_batch_call_t;
typedef struct ngx_http_llm_batch_answer_s    ngx_http_llm_batch_answer_t;
typedef struct ngx_http_llm_batch_meter_s     ngx_http_llm_batch_meter_t;
typedef struct ngx_http_llm_batch_repair_s    ngx_http_llm_batch_repair_t;
typedef struct ngx_http_llm_batch_loc_conf_s  ngx_http_llm_batch_loc_conf_t;
typedef struct ngx_http_llm_batch_main_conf_s ngx_http_llm_batch_main_conf_t;


#pragma GCC visibility push(hidden)


#include "ngx_http_llm_batch_known.h"
#include "ngx_http_llm_batch_conf.h"
#include "ngx_http_llm_batch_adapter.h"
#include "ngx_http_llm_batch_directives.h"
#include "ngx_http_llm_batch_format.h"
#include "ngx_http_llm_batch_secret.h"
#include "ngx_http_llm_batch_values.h"
#include "ngx_http_llm_batch_crash.h"
#include "ngx_http_llm_batch_times.h"
#include "ngx_http_llm_batch_metrics.h"
#include "ngx_http_llm_batch_zone.h"
#include "ngx_http_llm_batch_places.h"
#include "ngx_http_llm_batch_ipc.h"
#include "ngx_http_llm_batch_headers.h"
#include "ngx_http_llm_batch_carried.h"
#include "ngx_http_llm_batch_key.h"
#include "ngx_http_llm_batch_spool.h"
#include "ngx_http_llm_batch_answer.h"
#include "ngx_http_llm_batch_handler.h"
#include "ngx_http_llm_batch_ctx.h"
#include "ngx_http_llm_batch_generate.h"
#include "ngx_http_llm_batch_join.h"
#include "ngx_http_llm_batch_differ.h"
#include "ngx_http_llm_batch_dry.h"
#include "ngx_http_llm_batch_work.h"
#include "ngx_http_llm_batch_joint.h"
#include "ngx_http_llm_batch_parts.h"
#include "ngx_http_llm_batch_eligible.h"
#include "ngx_http_llm_batch_held.h"
#include "ngx_http_llm_batch_single.h"
#include "ngx_http_llm_batch_abort.h"
#include "ngx_http_llm_batch_call.h"
#include "ngx_http_llm_batch_withdraw.h"
#include "ngx_http_llm_batch_quote.h"
#include "ngx_http_llm_batch_members.h"
#include "ngx_http_llm_batch_learn.h"
#include "ngx_http_llm_batch_dispatch.h"
#include "ngx_http_llm_batch_lender.h"
#include "ngx_http_llm_batch_detached.h"
#include "ngx_http_llm_batch_models.h"
#include "ngx_http_llm_batch_cost.h"
#include "ngx_http_llm_batch_capture.h"
#include "ngx_http_llm_batch_pause.h"
#include "ngx_http_llm_batch_deliver.h"
#include "ngx_http_llm_batch_fetch.h"
#include "ngx_http_llm_batch_fields.h"
#include "ngx_http_llm_batch_repair.h"
#include "ngx_http_llm_batch_gauges.h"
#include "ngx_http_llm_batch_status.h"
#include "ngx_http_llm_batch_prometheus.h"
#include "ngx_http_llm_batch_json.h"
#include "ngx_http_llm_batch_variables.h"
#include "ngx_http_llm_batch_actions.h"


#pragma GCC visibility pop


extern ngx_module_t  ngx_http_llm_batch_module;


/* strings of the core and of nginx, by value */

static ngx_inline llmb_str_t
ngx_http_llm_batch_str(ngx_str_t *s)
{
    llmb_str_t  v;

    v.len = s->len;
    v.data = s->data;

    return v;
}


static ngx_inline ngx_str_t
ngx_http_llm_batch_ngx_str(const llmb_str_t *s)
{
    ngx_str_t  v;

    v.len = s->len;
    v.data = (u_char *) s->data;

    return v;
}


#endif /* _NGX_HTTP_LLM_BATCH_H_INCLUDED_ */

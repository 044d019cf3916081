
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Waking other workers.  A ring that is lost costs time, nothing else: every
 * held request has a timer that looks for itself.
 */


#ifndef _NGX_HTTP_LLM_BATCH_IPC_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_IPC_H_INCLUDED_


/*
 * Makes a bell for each worker of the cycle, in the master process, which goes
 * on without those that cannot be had: an error would end it.
 */
void ngx_http_llm_batch_ipc_create(ngx_cycle_t *cycle,
    ngx_http_llm_batch_main_conf_t *mcf);

/* listens to the bell of this worker */
ngx_int_t ngx_http_llm_batch_ipc_open(ngx_cycle_t *cycle,
    ngx_http_llm_batch_main_conf_t *mcf);

/* -1 is no bell */
void ngx_http_llm_batch_ring(ngx_socket_t fd);


#endif /* _NGX_HTTP_LLM_BATCH_IPC_H_INCLUDED_ */

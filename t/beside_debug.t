#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards requests whose every step nginx logs: it then reads what is behind each
# event, also those that are not of a connection.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('beside a debug log')
	->has('llm_batch', 'debug');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

$t->conf(<<'CONF', workers => 2, main => 'error_log %%DIR%%/debug.log debug;');
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_tokens 40;
    llm_batch_max_wait 20s;
    proxy_pass http://backend;
}
CONF

$t->run();

my $workers = join ' ', sort $t->workers();

my @r = $t->plugged($mock, [ map { { uri => $uri,
	body => { model => 'm', input => "text $_" } } } 1 .. 8 ]);
is_own_answer(\@r, 'requests that are merged');

is_own_answer($t->request({ uri => $uri,
	body => { model => 'm', input => [ map { "text $_" } 1 .. 40 ] } }),
	'one that is cut');

is(join(' ', sort $t->workers()), $workers, 'the workers have lived');
ok($t->read_file('debug.log') =~ /\[debug\] .*event timer add: -1:/,
	'an event without a connection is logged');

$t->done();

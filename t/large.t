#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards texts and answers that get their memory in the zone in several steps,
# with others having the lock in between.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('large texts and answers')->has('llm_batch')
	->plan(8);

$t->conf(<<'EOF', zone => '16m', workers => 2);
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 2048;
    llm_batch_max_wait 20s;
    llm_batch_max_body 1m;
    client_body_buffer_size 1m;
    proxy_pass http://backend;
}
EOF

my $mock = $t->backend();
my $uri = '/v1/embeddings';

$t->run();

# texts of 150, 300 and 450 kB

my @r = $t->plugged($mock, [ map {
	{ uri => $uri, body => { model => 'm',
		input => "$_ " . chr(96 + $_) x ($_ * 150_000) } }
} 1 .. 3 ]);

is_own_answer(\@r, 'texts');
is_batched([ $mock->calls() ], into => 2, items => [ 1, 3 ]);

# answers of about the same length, to clients of both workers

$mock->reset();

@r = $t->plugged($mock, [ map {
	my $n = $_;
	{ uri => $uri, body => { model => 'm',
		input => [ map { "$n.$_" } 1 .. 700 ] } }
} 1 .. 2 ]);

is_own_answer(\@r, 'answers');
is_batched([ $mock->calls() ], into => 2, items => [ 1, 1400 ]);

cmp_ok(length $r[0]{body}, '>', 130_000, 'they are large');

# a key is compared under the lock, so it must not be that long

$mock->reset();

@r = map { $t->request({ uri => $uri, body => { model => 'm',
	input => "text", user => 'u' x $_ } }) } 60_000, 70_000;

is_own_answer(\@r, 'keys');
is($r[0]{headers}{'x-status'}, 'SINGLE', 'a key of 60 kB');
is($r[1]{headers}{'x-reason'}, 'body_size', 'a key of 70 kB');

$t->done();

#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the breaker: after failed calls of several in a row a group goes alone
# for the cooldown, other groups do not, and then it is merged again.  What a
# request that went alone was answered does not matter.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('breaker')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my @texts = map { "text $_" } 1 .. 4;
my $good = { uri => $uri, body => { model => 'm', input => 'x' } };

fail_conf($t, <<'EOF');
llm_batch_fallback off;
llm_batch_breaker failures=2 cooldown=1s;
EOF
$t->run();

my @r = failing($t, $mock, { status => 500 }, \@texts, first => 1);
is($t->request($good)->{headers}{'x-status'}, 'SINGLE', 'one failure: closed');

# a good call in between starts the count anew

@r = failing($t, $mock, {}, \@texts);
@r = failing($t, $mock, { status => 500 }, \@texts, first => 1);
is($t->metric('llm_batch_breaker_open'), 0, 'failures not in a row: closed');

@r = failing($t, $mock, {}, \@texts);

$mock->script(status => 500);
$t->request($good) for 1 .. 3;
$mock->reset();
is($t->metric('llm_batch_breaker_open'), 0, 'lone failures: closed');

@r = failing($t, $mock, { status => 500 }, \@texts, first => 1) for 1 .. 2;

my $r = $t->request($good);
is("$r->{headers}{'x-status'} " . ($r->{headers}{'x-reason'} // ''),
	'BYPASS breaker', 'failures in a row: open');
is_own_answer($r, 'open: the request goes alone');
$t->metric_is('llm_batch_breaker_open', 1);

$mock->reset();
@r = $t->burst(6, $uri, sub ($i) { { model => 'm', input => "open $i" } });
is_own_answer(\@r, 'open: a burst');
is(sizes($mock), '1 1 1 1 1 1', 'open: each alone');

is($t->request({ uri => $uri, body => { model => 'n', input => 'x' } })
	->{headers}{'x-status'}, 'SINGLE', 'another group is not concerned');

ok(wait_for {
	($t->request($good)->{headers}{'x-status'} // '') eq 'SINGLE'
}, 'after the cooldown: closed') or diag('still open');
$t->metric_is('llm_batch_breaker_open', 0);

@r = failing($t, $mock, {}, \@texts);
is(sizes($mock), '1 4', 'after the cooldown: merged');

$t->done();

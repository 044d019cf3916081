#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the limits of isolation and retries: with llm_batch_fallback off and
# beyond llm_batch_fallback_limit everybody gets the error, and no upstream
# that is down is hit with more calls than there were requests; and that a
# wrong answer is not delivered then either.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('fallback')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 8;

fail_conf($t, "llm_batch_fallback off;\n"
	. 'llm_batch_breaker failures=100 cooldown=1s;');
$t->run();

my @r = failing($t, $mock, { status => 500 }, \@texts, first => 1);
is(statuses(@r), '500', 'off: 500 to all');
unlike($r[0]{body}, qr/status 500"/, 'off: not its text, which may quote');

@r = failing($t, $mock, { status => 401 }, \@texts, first => 1);
like($r[0]{body}, qr/status 401"/, 'off: what is about all of them');

@r = failing($t, $mock, { status => 500 }, \@texts, first => 1);
is(sizes($mock), '1 8', 'off: no more calls');
is(headers('x-status', @r), 'FAILED', 'off: status');
is(headers('x-reason', @r), 'upstream_error', 'off: reason');

@r = failing($t, $mock, {}, [ @texts, 'POISON' ]);
is(statuses(@r), '400', 'off: 400 to all');
is(sizes($mock), '1 9', 'off: not isolated');

for my $how ({ count => -1 }, { index => 'duplicate' }, { junk => 1 },
	{ fault => 'cut' }, { fault => 'close' })
{
	@r = failing($t, $mock, $how, \@texts, first => 1,
		body => { model => "@{[ %$how ]}" });
	is(statuses(@r), '502', "off, @{[ %$how ]}: an error to all");
}

is((grep { $_->{body} =~ /"embedding"/ } @r), 0, 'off: nothing is delivered');

# 413 comes last, it makes calls smaller

for my $status (400, 422, 413) {
	@r = failing($t, $mock, { status => $status,
		body => '{"error":"text 7 is bad"}' }, \@texts, first => 1);
	is(statuses(@r), $status, "off: $status to all");
	is((grep { $_->{body} =~ /text 7/ } @r), 0,
		"off: $status quotes nobody's words");
}

# the limit; 1 % of what was here is nothing

$t->quit();
fail_conf($t, "llm_batch_fallback_limit 1%;\n"
	. 'llm_batch_breaker failures=100 cooldown=1s;');
$t->write_file('nginx.conf', $t->read_file('nginx.conf')
	=~ s/llm_batch_fallback_limit 100%;//r);
$t->run();

@r = failing($t, $mock, { status => 500 }, \@texts, always => 1);
is(statuses(@r), '500', 'limit: 500 to all');
cmp_ok(scalar(() = $mock->calls()), '<=', 3, 'limit: at most the retry');

@r = failing($t, $mock, { count => 1 }, \@texts, always => 1);
is(statuses(@r), '502', 'limit: a wrong answer is an error to all');
is(sizes($mock), '1 8', 'limit: no more calls');

# requests earn it

$mock->reset();
$t->burst(40, '/v1/embeddings', sub ($i) { { model => 'm', input => "$i" } })
	for 1 .. 25;
@r = failing($t, $mock, { count => 1 }, \@texts, always => 1);
is_own_answer(\@r, 'limit: after 1000 requests 10 calls may be added');
is(sizes($mock), '1 8' . ' 1' x 8, 'limit: individually');

$t->done();

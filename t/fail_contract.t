#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the table of docs/failures.md, "When a call fails", line by line: what
# a call of several is answered, and what its clients see.  What each line is
# about in detail is in the other files of this name; workers that die and zones that are full are in
# fail_worker.t and bypass_zone_full.t, those that shut down in reload.t.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('table of failures')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 8;

fail_conf($t, <<'EOF');
    llm_batch_breaker failures=100 cooldown=1s;
    llm_batch_max_response 16k;
    proxy_read_timeout 500ms;
EOF
$t->run();

# name, answers to the call and to what follows; statuses, reasons, calls

my $ok = {};
my $each = '1 8' . ' 1' x 8;

my @lines = (
	[ '400', { status => 400 }, '200', 'upstream_error', $each ],
	[ '413', { status => 413 }, '200', 'upstream_error', $each ],
	[ '413, a limit', { max_items => 4, max_status => 413 }, '200', '',
		'1 8 4 4' ],
	[ '422', { status => 422 }, '200', 'upstream_error', $each ],
	[ '401', { status => 401 }, '401', 'upstream_error', '1 8' ],
	[ '403', { status => 403 }, '403', 'upstream_error', '1 8' ],
	[ '404', { status => 404 }, '404', 'upstream_error', '1 8' ],
	[ '409', { status => 409 }, '409', 'upstream_error', '1 8' ],
	[ '429', { status => 429 }, '429', 'upstream_error', '1 8' ],
	[ '429, for a while', { status => 429,
		headers => { 'Retry-After-Ms' => 50 } }, '200', '', '1 8 8' ],
	[ '429, for long', { status => 429, headers => { 'Retry-After' => 60 } },
		'429', 'upstream_error', '1 8' ],
	[ '500', { status => 500 }, '200', '', '1 8 8' ],
	[ '503', { status => 503 }, '200', '', '1 8 8' ],
	[ 'closed', { fault => 'close' }, '200', '', '1 8 8' ],
	[ 'reset', { fault => 'reset' }, '200', '', '1 8 8' ],
	[ '504', { status => 504 }, '504', 'timeout', '1 8' ],
	[ 'silent', { fault => 'stall' }, '504', 'timeout', '1 8' ],
	[ 'silent half way', { fault => 'stall_body' }, '504', 'timeout', '1 8' ],
	[ 'too few', { count => -1 }, '200', 'mismatch', $each ],
	[ 'too many', { count => 1 }, '200', 'mismatch', $each ],
	[ 'no index', { index => 'missing' }, '200', 'mismatch', $each ],
	[ 'twice the same', { index => 'duplicate' }, '200', 'mismatch', $each ],
	[ 'a foreign one', { index => 'foreign' }, '200', 'mismatch', $each ],
	[ 'cut off', { fault => 'cut' }, '200', 'truncated', $each ],
	[ 'no JSON', { junk => 1 }, '200', 'mismatch', $each ],
	[ 'too large', { size => 20000 }, '200', 'response_size', $each ],
	[ '204', { status => 204, body => '' }, '200', 'upstream_error', $each ],
	[ '302', { status => 302 }, '200', 'upstream_error', $each ],
);

# each in a group of its own, for what is learned stays there

for (@lines) {
	my ($name, $how, $status, $reason, $sizes) = @$_;
	my $body = { model => "model $name" };

	my @r = failing($t, $mock, $how, \@texts, first => 1, body => $body);

	is(statuses(@r), $status, "$name: status");
	is(headers('x-reason', @r), $reason, "$name: reason");
	is(sizes($mock), $sizes, "$name: calls");
	is_own_answer(\@r, "$name: answers") if $status == 200;
}

# a failure that does not go away

@lines = (
	[ '500', { status => 500 }, '500', '1 8 8' . ' 1' x 8 ],
	[ 'reset', { fault => 'reset' }, '502', '1 8 8' . ' 1' x 8 ],
	[ 'too few', { body => '{"data":[]}' }, '200', $each ],
);

for (@lines) {
	my ($name, $how, $status, $sizes) = @$_;

	my @r = failing($t, $mock, {}, \@texts, body => { model => "for good $name" },
		then => sub { $mock->script(%$how) });

	is(statuses(@r), $status, "$name for good: status");
	is(headers('x-status', @r), 'FALLBACK', "$name for good: each alone");
	is(sizes($mock), $sizes, "$name for good: calls");
}

$t->done();

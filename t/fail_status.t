#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what the clients see of an error status: which is handed to all,
# which is tried again, and that no client waits for a pause it cannot afford.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('error status')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 8;

fail_conf($t, <<'EOF', server => <<'EOF');
    llm_batch_breaker failures=100 cooldown=1s;
    proxy_intercept_errors on;
    error_page 418 =429 /limited;
EOF
location = /limited {
    internal;
    add_header Retry-After 30 always;
    return 429;
}
EOF
$t->run();

# errors of all

for my $status (401, 403, 404) {
	my @r = failing($t, $mock, { status => $status,
		headers => { 'x-request-id' => 'upstream' } }, \@texts,
		first => 1);

	is(statuses(@r), $status, "$status to all");
	like($r[0]{body}, qr/status $status"/, "$status: the error itself");
	is(sizes($mock), '1 8', "$status: not tried again");
}

# 5xx, once

for my $status (500, 502, 503, 529) {
	warm_up($t, $mock);
	my @r = failing($t, $mock, { status => $status }, \@texts, first => 1);

	is_own_answer(\@r, "$status, then 200");
	is(sizes($mock), '1 8 8', "$status, then 200: one retry of the call");
}

# 5xx for each call of several

warm_up($t, $mock);
my @r = failing($t, $mock, { status => 500 }, \@texts, always => 1);
is_own_answer(\@r, '500 to all calls of several: individually');
is(headers('x-status', @r), 'FALLBACK', 'individually: status');
is(headers('x-reason', @r), 'upstream_error', 'individually: reason');
is(sizes($mock), '1 8 8' . ' 1' x 8, 'individually: calls');

# 5xx for good

warm_up($t, $mock);
@r = failing($t, $mock, {}, \@texts,
	then => sub { $mock->script(status => 503) });
is(statuses(@r), '503', '503 for good: to all');
like($r[0]{body}, qr/status 503"/, '503 for good: the error itself');
cmp_ok(scalar(() = $mock->calls()), '<=', 1 + 2 + 8,
	'503 for good: not more than a retry and each alone');

# 429; who cannot wait so long, at most max_wait, gets it, with its headers

@r = failing($t, $mock, { status => 429, headers => { 'Retry-After' => 30,
	'x-ratelimit-remaining-requests' => 0 } }, \@texts, first => 1);
is(statuses(@r), '429', '429: to all that cannot wait');
is(headers('retry-after', @r), '30', '429: Retry-After');
is(headers('x-ratelimit-remaining-requests', @r), '0', '429: x-ratelimit');
is(sizes($mock), '1 8', '429: not tried again');

# a new group, as this one pauses now

my @new = (body => { model => 'another' });

@r = failing($t, $mock, { status => 429,
	headers => { 'Retry-After-Ms' => 50 } }, \@texts, first => 1, @new);
is_own_answer(\@r, '429: those that can wait are answered');

my @calls = $mock->calls();
is(sizes($mock), '1 8 8', '429: the call is sent again');

# the clock of nginx goes in steps, and the mock's is another

cmp_ok($calls[-1]{time} - $calls[-2]{time}, '>', 0.04,
	'429: after the pause');

# the 429 of a request that went alone is its own, and a pause for the others

@new = (body => { model => 'a third' });
$mock->reset();
$mock->next({ status => 429, headers => { 'Retry-After-Ms' => 500 } });
my ($lone) = $t->burst(1, '/v1/embeddings',
	{ model => 'a third', input => 'lone' });
is($lone->{status}, 429, '429 alone: to the client');

is_own_answer([ $t->burst(4, '/v1/embeddings', sub ($i) {
	{ model => 'a third', input => "after $i" } }) ], '429 alone: the others');
@calls = $mock->calls();
cmp_ok($calls[1]{time} - $calls[0]{time}, '>', 0.4,
	'429 alone: after the pause');

# what nginx says to one client is not for the others

$mock->reset();
$mock->next({ status => 418 });
($lone) = $t->burst(1, '/v1/embeddings', { model => '4th', input => 'lone' });
is($lone->{status} . ' ' . ($lone->{headers}{'retry-after'} // ''), '429 30',
	'429 of nginx: to the client');

my $when = time;
is_own_answer([ $t->burst(1, '/v1/embeddings',
	{ model => '4th', input => 'after' }) ], '429 of nginx: another');
cmp_ok(time - $when, '<', 10, '429 of nginx: nobody waits');

# nothing of one answer stays for the next

is_own_answer([ failing($t, $mock, {}, \@texts, body => { model => 'x' }) ],
	'after errors');

$t->expect(qr/breaker/);
$t->done();

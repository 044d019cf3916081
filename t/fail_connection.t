#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards calls whose connection fails, before, in or after the answer: an
# answer that is not whole is never delivered, nobody waits for ever, and a
# failure that does not last is not seen by any client.  Those that stall are in
# fail_timeout.t.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('connection failures')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 8;

fail_conf($t, <<'EOF');
llm_batch_breaker failures=100 cooldown=1s;
proxy_read_timeout 5s;
EOF
$t->run();

for my $fault (qw/ close reset reset_header reset_body cut cut_chunked /) {
	warm_up($t, $mock);
	my @r = failing($t, $mock, { fault => $fault }, \@texts, first => 1);
	is_own_answer(\@r, "$fault, once");

	warm_up($t, $mock);
	@r = failing($t, $mock, { fault => $fault }, \@texts, always => 1);
	is_own_answer(\@r, "$fault, all calls of several");
	is(headers('x-status', @r), 'FALLBACK', "$fault: status");
	like(headers('x-reason', @r), $fault =~ /cut|_/
		? qr/^(?:truncated|upstream_error)$/
		: qr/^upstream_error$/, "$fault: reason");

	@r = failing($t, $mock, { fault => $fault }, \@texts,
		then => sub { $mock->script(fault => $fault) });
	is((grep { ($_->{status} // 0) == 200 and $_->{json} } @r), 0,
		"$fault, for good: no answer is made up");
	is((grep { $_->{error} eq 'timeout' } @r), 0,
		"$fault, for good: nobody hangs");
}


# refused: the backend goes while requests gather, and comes back

warm_up($t, $mock);
my @r = failing($t, $mock, {}, \@texts, then => sub { $mock->stop() });
is(statuses(@r), '502', 'refused: an error to all');
like($t->read_file('error.log'), qr{
	connect\(\)\ failed\ [^\n]*\ while\ connecting\ to\ upstream,\ llm\ batch
	,\ server:\ \S*,\ request:\ "POST\ /v1/embeddings\ HTTP/1.[01]"
	,\ subrequest:\ "/v1/embeddings"
	,\ upstream:\ "http://127[^"\ ]+/v1/embeddings",\ host:\ "[^"]+"\n}x,
	'refused: the log tells of the call what it tells of requests');

$mock->start();
@r = failing($t, $mock, {}, \@texts);
is_own_answer(\@r, 'refused: the next are answered');

cmp_ok($t->metric('llm_batch_fallback_total') // 0, '>', 0,
	'fallbacks are counted');

$t->done();

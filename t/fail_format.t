#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that a server which does not speak the format that its path is known
# for does not cost an extra call for each request for ever: after three answers
# that are not understood requests go alone for a while, those of new keys, too,
# and one line in the log says so.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('formats that are not spoken')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 8;
my $uri = '/v1/embeddings';

fail_conf($t, 'llm_batch_breaker failures=100 cooldown=1s;',
	server => <<'EOF');
location /other/ {
    llm_batch zone=llm;
    proxy_pass http://backend;
}
EOF
$t->run();

sub request($o = {}, %more) {
	my $r = $t->request({ uri => $uri, %more,
		body => { model => 'm', input => 'x', %$o } });

	return $r->{headers}{'x-status'} . ' '
		. ($r->{headers}{'x-reason'} // '');
}

sub warnings { return $t->read_file('error.log') =~ /\[warn\].*format.*/g }

# each of another key

for my $n (1 .. 3) {
	is(request(), 'SINGLE company', "tried, $n");

	my @r = failing($t, $mock, { count => 1 }, \@texts, always => 1,
		headers => { 'X-Key' => $n });

	is_own_answer(\@r, "$n times not understood: each alone");
	is(headers('x-reason', @r), 'mismatch', "$n: reason");
}

is(request(), 'BYPASS format_off', 'off');
is(request({}, headers => { 'X-Key' => 'new' }), 'BYPASS format_off',
	'off for another key');
is(request({ model => 'n' }), 'SINGLE company', 'not for another model');
is(request({}, uri => '/other/v1/embeddings'), 'SINGLE company',
	'not for another location');
$t->metric_is('llm_batch_bypass_total{reason="format_off"}', 2);

my @warnings = warnings();
is(@warnings, 1, 'one line in the log');
like($warnings[0], qr/"openai_embeddings" \(count\).*":m".*alone for 10000ms/,
	'which says what it is about');

my $groups = $t->request({ uri => '/llm-batch?format=json' })
	->{json}{zones}{llm}{groups};
is((grep { $_->{format_off} and $_->{name} ne ':m' } @$groups), 0,
	'JSON: the others are on');
cmp_ok((grep { $_->{format_off} } @$groups), '>', 0, 'JSON: it is off');

# what a client writes is not written to the log as it is

for my $n (1 .. 3) {
	failing($t, $mock, { junk => 1 }, \@texts, always => 1,
		body => { model => "evil\n\x1b[31m\"" });
}

@warnings = warnings();
is(@warnings, 2, 'another model, another line');
like($warnings[1], qr/":evil\?\?\[31m\?"/, 'without what a terminal reads');

# errors say nothing of the format, nor do single ones that are understood

for my $how ({ status => 500 }, { status => 400 }, { fault => 'cut' }) {
	warm_up($t, $mock);

	my @r;

	push @r, failing($t, $mock, $how, \@texts, always => 1,
		body => { model => 'errors' }) for 1 .. 4;
}

is(request({ model => 'errors' }), 'SINGLE company', 'errors do not count');

# where it is understood, wrong answers are left to the breaker

is_own_answer([ failing($t, $mock, {}, \@texts,
	body => { model => 'known' }) ], 'understood');

for my $n (1 .. 4) {
	failing($t, $mock, { count => 1 }, \@texts, always => 1,
		body => { model => 'known' });
}

is(request({ model => 'known' }), 'SINGLE company',
	'understood once: a few wrong ones do not count');

$t->done();

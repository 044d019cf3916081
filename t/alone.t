#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards why a request went alone: nobody was there, those who were differ in
# their keys, or those of its key left on their own, too.  It is told when the
# request is over, by whoever was there until then, in whatever worker.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('alone')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

for my $workers (1, 4) {
	$t->conf(<<'EOF', workers => $workers);
llm_batch_headers on;
llm_batch_max_wait 20s;

location / {
    llm_batch zone=llm;
    llm_batch_concurrency 8;
    proxy_pass http://backend;
}
location /other/ {
    llm_batch zone=llm;
    proxy_pass http://backend/;
}
EOF
	$t->run();
	cases($workers);
	$t->quit() if $workers == 1;
}

$t->done();


sub of ($n, %o) {
	return { uri => ($o{where} // '') . $uri, headers => $o{headers} // {},
		body => { model => $o{model} // 'm', input => "text $n",
			%{$o{body} // {}} } };
}

# their reasons, the first in flight until all others are over

sub meet ($first, @others) {
	my $client = $t->client();
	my (@plug, $r);

	$mock->reset();

	my ($log) = $t->logged(1 + @others, sub {
		$mock->next({ hold => 1 });
		@plug = $client->start($first);
		wait_for { $client->pump(@plug); $mock->count() == 1 };

		for my $other (@others) {
			$r = $t->request($other);
			is_own_answer([ $r ], 'own answer');
			like($r->{headers}{'x-llm-batch'},
				qr/^status=single; size/,
				'its header tells no reason');
		}

		$mock->release();
		is_own_answer([ $client->finish(@plug) ], 'own answer');
	});

	return join ', ', map { "$_->{status} $_->{reason}" } @$log;
}

sub cases ($workers) {
	my %a = (headers => { 'X-A' => 1 });
	my %b = (headers => { 'X-A' => 2 });

	is(meet(of(1)), 'SINGLE company', "$workers: alone");
	is(meet(of(1), of(2, model => 'n')),
		'SINGLE company, SINGLE company', "$workers: another name");
	is(meet(of(1, %a), of(2, %b)), 'SINGLE key, SINGLE key',
		"$workers: another header");
	is(meet(of(1), of(2, where => '/other')), 'SINGLE key, SINGLE key',
		"$workers: another location");
	is(meet(of(1), of(2, body => { user => 'u' })),
		'SINGLE key, SINGLE key', "$workers: another member");

	# slots are free, so nobody waits

	is(meet(of(1), of(2)), 'SINGLE slot, SINGLE slot',
		"$workers: the same key");
	is(meet(of(1), of(2, %a), of(3)),
		'SINGLE key, SINGLE slot, SINGLE slot', "$workers: both");

	# who was there before is forgotten

	is(meet(of(1, %a)), 'SINGLE company', "$workers: alone again");

	# who is in a call needs no reason

	my ($log) = $t->logged(2, sub {
		$t->burst(2, "/other$uri",
			sub ($i) { { model => 'm', input => [ map { "$_" } 0 .. 9 ] } });
	});
	is((grep { $_->{status} ne 'SINGLE' and $_->{reason} } @$log), 0,
		"$workers: only of who is alone");

	my $single = 'llm_batch_single_total{reason="%s"}';
	$t->metric_is(sprintf($single, 'key'), 7);
	cmp_ok($t->metric(sprintf $single, 'company'), '>=', 4,
		"$workers: company, counted");
	cmp_ok($t->metric(sprintf $single, 'slot'), '>=', 4,
		"$workers: slot, counted");
	is($t->metric('llm_batch_single_total'),
		$t->metric('llm_batch_requests_total{status="SINGLE"}'),
		"$workers: each has one");
}

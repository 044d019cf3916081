#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards dry_run: it decides, counts and logs, and sends everything on its own,
# at once and unchanged, so that it may be tried on a live location.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;

my $t = Test::LLMBatch->new('dry run')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

for my $workers (1, 4) {
	$t->conf(<<'EOF', workers => $workers);
llm_batch_concurrency 1;
llm_batch_max_wait 20s;
llm_batch_headers on;

location / {
    llm_batch zone=llm dry_run;
    proxy_pass http://backend;
}
location /off/ {
    proxy_pass http://backend/;
}
location /on/ {
    llm_batch zone=llm;
    proxy_pass http://backend/;
}
EOF
	$t->run();

	dry($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub of ($text) {
	return { uri => $uri, body => { model => 'm', input => $text } };
}

sub dry ($workers) {
	my $client = $t->client();

	truncate $t->dir() . '/access.log', 0;

	# one is under way, others do not wait for it

	$mock->reset();
	$mock->next({ hold => 1 });

	my $plug = $client->start(of('plug'));
	wait_for { $mock->count() == 1 } or diag('no plug');

	my @r = $client->finish($client->start(map { of("text $_") } 1 .. 8));

	is_own_answer(\@r, "$workers: while one is under way");
	is(join(' ', map { $_->{items} } $mock->calls()), '1 ' x 8 . '1',
		"$workers: each goes alone");

	$mock->release();
	is_own_answer([ $client->finish($plug) ], "$workers: that one, too");

	is(join(' ', uniq map { $_->{headers}{'x-status'} // '' } @r),
		'DRYRUN', "$workers: status");
	is(join(' ', uniq map { $_->{headers}{'x-llm-batch'} // '' } @r),
		'status=dryrun', "$workers: X-LLM-Batch");
	is(join(' ', uniq map { join '', map { $_ // '' }
		@{$_->{headers}}{qw/ x-reason x-close x-id /} } @r), '',
		"$workers: no call");

	# what it would not hold it says, too

	my $r = $t->request({ uri => $uri, body => '[]' });
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS json', "$workers: bypass");

	# the upstream gets what the client sent, byte for byte

	my $odd = qq!{ "input" : ["\\u0061", "b"],\n"model":"m" }!;
	my @calls;

	$mock->reset();

	for my $where ('', '/off') {
		@r = $t->request({ uri => "$where$uri", body => $odd,
			headers => [ 'User-Agent' => 'me/1', 'X-A' => 1,
				'X-A' => 2, Authorization => 'Bearer k' ] });
	}

	@calls = map { { %$_, time => 0, conn => 0 } } $mock->calls();
	is($calls[0]{body}, $odd, "$workers: the body is the client's");
	is_deeply($calls[0], $calls[1], "$workers: as with off");

	# counted, logged, and nothing is kept

	$t->metric_is('llm_batch_requests_total{status="DRYRUN"}', 10);
	$t->metric_is('llm_batch_bypass_total{reason="json"}', 1);
	is($t->metric('llm_batch_calls_total') // 0, 0, "$workers: no calls");
	is($t->metric('llm_batch_zone_requests') // 0, 0, "$workers: none is left");

	my @log = grep { $_->{status} eq 'DRYRUN' } $t->access_log();
	is(join(', ', uniq map {
		join ' ', @$_{qw/ adapter model group mode reason index wait /}
	} grep { $_->{size} > 2 } @log),
		'openai_embeddings m :m per_request   ',
		"$workers: what it is is logged");
	is((grep { $_->{tokens} < 1 } @log), 0, "$workers: and its tokens");

	# the first one was there with all eight of them, the last with nobody

	is((grep { $_->{size} == 9 and $_->{reason} eq '' } @log) > 0, 1,
		"$workers: its company");
	is((grep { $_->{size} < 2 and $_->{reason} eq '' } @log), 0,
		"$workers: whoever has none has a reason");
	is(join(' ', map { "$_->{size} $_->{reason}" } grep { $_->{reason} } @log),
		'2 company', "$workers: of two items, alone");
	$t->metric_is('llm_batch_dryrun_total{company="some"}', 9);
	$t->metric_is('llm_batch_dryrun_total{company="none"}', 1);

	apart($workers);

	# a neighbour that is not dry

	@r = $t->plugged($mock, [ map {
		{ %{of("on $_")}, uri => "/on$uri" }
	} 1 .. 4 ]);
	is_own_answer(\@r, "$workers: on");
	is_batched(\@r, into => 1, name => "$workers: on, one call");
}

# nothing would be merged, and so it says

sub apart ($workers) {
	my $client = $t->client();
	my @held;

	$mock->reset();
	$mock->next({ hold => 1 }) for 1 .. 3;

	my ($log) = $t->logged(3, sub {
		@held = $client->start(map {
			{ %{of("apart $_")}, headers => { 'X-Trace' => $_ } }
		} 1 .. 3);
		wait_for { $client->pump(@held); $mock->count() == 3 };
		is($t->metric('llm_batch_zone_requests'), 3,
			"$workers: they are there");
		$mock->release();
		is_own_answer([ $client->finish(@held) ],
			"$workers: apart: own answers");
	});

	is(join(', ', map { "$_->{status} $_->{reason} $_->{size}" } @$log),
		join(', ', ('DRYRUN key 1') x 3), "$workers: apart: why");
	is(scalar uniq(map { $_->{key} } @$log), 3, "$workers: apart: keys");
	$t->metric_is('llm_batch_dryrun_total{company="key"}', 3);

	my $zone = $t->request({ uri => '/llm-batch?format=json' })
		->{json}{zones}{llm};

	is($zone->{dry_run}{key}, 3, "$workers: apart: JSON");
	is((grep { $_ eq 'x-trace' } @{$zone->{groups}[0]{differs}}), 1,
		"$workers: apart: in what");

	# a client that leaves takes its own along

	$mock->reset();
	$mock->next({ hold => 1 });
	$client = $t->client();

	my @gone = $client->start(of('gone'));

	wait_for { $client->pump(@gone); $mock->count() == 1 };
	undef $client;
	undef @gone;
	$t->metric_is('llm_batch_zone_requests', 0);
	$mock->release();
}

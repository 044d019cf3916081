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
	is($t->metric('llm_batch_zone_groups') // 0, 0, "$workers: no groups");

	my @log = grep { $_->{status} eq 'DRYRUN' } $t->access_log();
	is(join(', ', uniq map {
		join ' ', @$_{qw/ adapter model group mode size /}
	} @log), 'openai_embeddings m :m per_request ',
		"$workers: what it is is logged");
	is((grep { $_->{tokens} < 1 } @log), 0, "$workers: and its tokens");

	# a neighbour that is not dry

	@r = $t->plugged($mock, [ map {
		{ %{of("on $_")}, uri => "/on$uri" }
	} 1 .. 4 ]);
	is_own_answer(\@r, "$workers: on");
	is_batched(\@r, into => 1, name => "$workers: on, one call");
}

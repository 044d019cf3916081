#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the death of a worker: its own clients lose their connections, as with
# any nginx, and everyone else is answered, whatever part the dead worker had in
# their call: it may have queued, sent or been sharing out its items.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('killed workers')->has('llm_batch');

$t->conf(<<'EOF', workers => 3);
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 64;
    llm_batch_max_wait 2s;
    proxy_read_timeout 5s;
    proxy_pass http://backend;
}
EOF

my $mock = $t->backend();
my $uri = '/v1/embeddings';

$t->run();
$t->expect(qr/exited on signal 9/);

# under load

$mock->script(delay => 0.003);

my ($turn, $killed) = (0, 0);
my $n = scaled(3000);
my $load = $t->load(clients => 24, requests => $n, uri => $uri,
	body => sub ($i) { { model => 'm', input => "load $i" } },
	every => [ 0.1, sub {
		my @workers = $t->workers();
		return if $killed == 4;
		$killed += $t->kill9($workers[$turn++ % @workers]);
	} ]);

accounted($load, $n, 'under load');
cmp_ok($killed, '>', 0, 'workers were killed');
$t->metric_is('llm_batch_inflight_calls', 0);

# the worker that has the call under way

$mock->script();

for my $own (1, 0) {
	my $client = $t->client();
	my @conns = map { $client->connect() } 1 .. 24;
	my @pids = map { $_->{body} } map {
		$client->request({ uri => '/pid', conn => $_ })
	} @conns;

	$mock->reset();
	$mock->next({ hold => 1 });

	my $plug = $client->start({ uri => $uri, conn => $conns[0],
		body => { model => 'm', input => 'plug' } });
	wait_for { $mock->count() == 1 } or diag('no plug');

	my $rest = $client->start(map {
		{ uri => $uri, conn => $conns[$_],
			body => { model => 'm', input => "text $_" } }
	} 1 .. 23);
	wait_for { ($t->metric('llm_batch_queue_requests') // 0) == 23 }
		or diag('not queued');

	# of the call, or one whose clients only wait

	my ($victim) = grep { ($_ == $pids[0]) == $own } $t->workers();
	$t->kill9($victim);
	$mock->release();

	my @r = ($client->finish($plug), $client->finish($rest));
	my @others = @r[grep { $pids[$_] != $victim } 0 .. $#r];
	my @lost = grep { $_->{error} }
		@r[grep { $pids[$_] == $victim } 0 .. $#r];
	my $what = $own ? 'the worker of the call' : 'a worker that waits';

	is_own_answer(\@others, "$what: clients of other workers");
	is((grep { $_->{bytes} } @lost), 0, "$what: no part of an answer");
}

ok(wait_for { ($t->metric('llm_batch_queue_requests') // 1) == 0 },
	'nothing is left');

$t->done();


sub accounted ($load, $n, $name) {
	my @odd = grep { !$t->proc()->{killed}{$_->{worker}} } @{$load->{lost}};

	is($load->{ok} + @{$load->{lost}}, $n, "$name: all are accounted for")
		or diag($load->{wrong}[0]{problem});
	is(@odd, 0, "$name: only clients of dead workers lose connections");
}

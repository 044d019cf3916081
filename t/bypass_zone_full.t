#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards a zone that is too small: what does not fit goes alone and is
# answered, what is held is not harmed, and afterwards the zone is empty again.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('zone full')->has('llm_batch');

$t->conf(<<'EOF', zone => '1m', workers => 2);
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 100;
    llm_batch_max_wait 20s;
    client_body_buffer_size 256k;
    proxy_pass http://backend;
}
EOF

my $mock = $t->backend();
my $uri = '/v1/embeddings';

$t->run();

for my $round (1, 2) {
	my $client = $t->client();

	$mock->reset();
	$mock->script(hold => 1);

	my $plug = $client->start({ uri => $uri,
		body => { model => 'm', input => 'plug' } });
	wait_for { $mock->count() == 1 } or diag('no plug');

	# 2 MB of text

	my $rest = $client->start(map {
		{ uri => $uri, body => { model => 'm',
			input => "$_ " . 'large ' x 10_000 } }
	} 1 .. 32);

	# all are either in the queue or with the backend

	wait_for {
		$client->pump($rest);
		($t->metric('llm_batch_queue_requests') // 0)
			+ $mock->count() == 33;
	} or diag('some are missing');

	$mock->script();
	$mock->release();
	my @r = ($client->finish($plug), $client->finish($rest));

	is_own_answer(\@r, "round $round: all are answered");

	my @reasons = map { $_->{headers}{'x-reason'} }
		grep { $_->{headers}{'x-status'} ne 'SINGLE' }
		grep { $_->{headers}{'x-reason'} } @r;
	cmp_ok(scalar @reasons, '>', 0, "round $round: some went alone");
	is((grep { $_ ne 'zone_full' } @reasons), 0, "round $round: reason");
}

$t->done();

#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards clients that go while their requests wait, are under way or are being
# answered: the others of the same call do not notice.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $t = Test::LLMBatch->new('clients that go')->has('llm_batch');

chaos_conf($t);

my $mock = $t->backend();

$t->run();
$mock->script(delay => 0.01);

# every other one goes after up to 30 ms, in which two calls are made

my ($client, $gone, @stay, @odd) = ($t->client(), 0);

for my $round (1 .. 50) {
	my @r = $client->finish($client->start(map {
		{ uri => '/v1/embeddings', body => mixed_body($round * 100 + $_),
			$_ % 2 ? (abort => rand 0.03) : () }
	} 1 .. 32));

	push @stay, grep { !defined $_->{request}{abort} } @r;
	push @odd, grep { $_->{error} ne 'aborted' and own_answer_problem($_) }
		grep { defined $_->{request}{abort} } @r;
	$gone += grep { $_->{error} eq 'aborted' } @r;
}

is_own_answer(\@stay, 'gone: those who stay');
is(@odd, 0, 'gone: those who had their answers before');
cmp_ok($gone, '>', 100, 'gone: many went');
empty_zone($t, 'gone');
still_merges($t, $mock, 'gone');

$t->done();

#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards clients that leave: before their call is sent, while it is under way,
# some of it or all.  Those that stay get their own answers, and nothing of the
# others is left behind.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('clients that leave')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

fail_conf($t, '', workers => 2);
$t->run();

sub of ($text) {
	return { uri => $uri, body => { model => 'm', input => $text } };
}

sub queued { return $t->metric('llm_batch_queue_requests') // -1 }

# a call with plug first; returns once the requests have queued

sub gather (@requests) {
	my $client = $t->client();

	$mock->reset();
	$mock->script(hold => 1);

	my $plug = $client->start(of('plug'));
	wait_for { $mock->count() == 1 } or diag('no plug');

	my $rest = $client->start(@requests);
	wait_for { queued() == @requests } or diag('not queued');

	return ($client, $plug, $rest);
}

# some gone while queued

my ($client, $plug, $rest) = gather(map { of("text $_") } 1 .. 8);
my @leave = splice @$rest, 2, 3;

$client->abort(\@leave);
ok(wait_for { queued() == 5 }, 'queued: who leaves is not counted');

$mock->script();
$mock->release();
is_own_answer([ $client->finish($plug), $client->finish($rest) ],
	'queued: those that stay');
is(sizes($mock), '1 5', 'queued: nothing is sent for those that left');

# all gone while queued

($client, $plug, $rest) = gather(map { of("text $_") } 1 .. 4);

$client->abort($rest);
ok(wait_for { queued() == 0 }, 'all gone while queued');

$mock->script();
$mock->release();
is_own_answer([ $client->finish($plug), $t->request(of('next')) ],
	'all gone while queued: the call before and after');
is(sizes($mock), '1 1', 'all gone while queued: no call for nobody');

# some gone while the call is under way, among them the first and the last

($client, $plug, $rest) = gather(map { of("text $_") } 1 .. 8);
@leave = splice @$rest, 6, 2;
push @leave, splice @$rest, 0, 2;

$mock->release();
wait_for { $mock->count() == 2 } or diag('no second call');
$client->abort(\@leave);

ok(wait_for { ($t->metric('llm_batch_cancelled_total') // 0) >= 4 },
	'under way: who leaves is noticed');

$mock->script();
$mock->release();
is_own_answer([ $client->finish($plug), $client->finish($rest) ],
	'under way: those that stay');
is(sizes($mock), '1 8', 'under way: the call is not made again');

# all gone while the call is under way

($client, $plug, $rest) = gather(map { of("text $_") } 1 .. 8);

$mock->release();
wait_for { $mock->count() == 2 } or diag('no second call');
$client->abort($rest);
$mock->script();
$mock->release();
is_own_answer([ $client->finish($plug), $t->request(of('next')) ],
	'all gone under way: the call before and after');
$t->metric_is('llm_batch_inflight_calls', 0);

# a call that fails for those that left is not repeated for them

($client, $plug, $rest) = gather(map { of("text $_") } 1 .. 8);
@leave = splice @$rest, 1;

$mock->next({ hold => 1, many => { status => 500 } });
$mock->release();
wait_for { $mock->count() == 2 } or diag('no second call');
$client->abort(\@leave);
wait_for { ($t->metric('llm_batch_cancelled_total') // 0) >= 22 };
$mock->script();
$mock->release();
is_own_answer([ $client->finish($plug), $client->finish($rest) ],
	'failed: the one that stays');
is(sizes($mock), '1 8 1', 'failed: sent again for this one only');

$t->done();

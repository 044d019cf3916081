#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the way from nginx to llm-batch-sim: requests that were logged in the
# log_format of docs/simulator.md can be replayed, and come out as they were.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Simulator;

my $t = Test::LLMBatch->new('a log for llm-batch-sim')->has('llm_batch');
my $mock = $t->backend();

open my $fh, '<', "$FindBin::Bin/../docs/simulator.md"
	or die "simulator.md: $!\n";
my ($format) = join('', <$fh>) =~ /^(log_format\s+llm_batch_sim.*?;)$/ms;
close $fh;

ok($format, 'docs/simulator.md has the format') or die;

$t->conf(<<'EOF', http => $format);
location /v1/ {
    llm_batch              zone=llm;
    llm_batch_concurrency  1;
    llm_batch_max_wait     10s;
    proxy_pass             http://backend;
    access_log             %%DIR%%/sim.log llm_batch_sim;
}

location /plain/ {
    proxy_pass  http://backend/v1/;
    access_log  %%DIR%%/sim.log llm_batch_sim;
}
EOF

$t->run();

# a name with what JSON has to have escaped

sub embed($more, %headers) {
	return { uri => '/v1/embeddings', headers => \%headers,
		body => { model => 'm"1"', input => 'three plain words', %$more } };
}

my @r = $t->plugged($mock, [ (embed({})) x 3 ]);
is(scalar(grep { $_->{status} == 200 } @r), scalar(@r), 'merged');

is($t->request(embed({ stream => \1 }))->{status}, 200, 'bypassed');
is($t->request({ %{embed({})}, uri => '/plain/embeddings' })->{status}, 200,
	'not batched');
is($t->request(embed({}, 'X-LLM-Latency-Budget-Ms' => 1500,
	'X-LLM-Task' => "a\\b"))->{status}, 200, 'with budget and task');

is($t->request(embed({}, Authorization => 'Bearer another'))->{status}, 200,
	'of another tenant');

# the plug is a request, too; the log is written after the answer

my $lines = 1 + @r + 4;
wait_for { $lines <= (() = $t->read_file('sim.log') =~ /\n/g) } 5;

my $report = simulated('--cost', '5', "$t->{dir}/sim.log");
my ($run) = @{$report->{runs}};

is($run->{summary}{requests}, $lines - 1, 'all requests of the log');
is($run->{skipped_lines}, 1, 'but for the one without a status');
is_deeply([ $run->{summary}{reason}, $run->{summary}{budgets}{given} ],
	[ { stream => 1 }, 1 ], 'reason and budget');
is_deeply([ sort keys %{{ map { ("$_->{model} $_->{task}" => 1) }
	@{$run->{batches}} }} ], [ 'm"1" ', 'm"1" a\\b' ], 'model and task');

# keys keep apart what shared no calls, and only that

is($report->{keys}{requests_without}, 0, 'all that could be held have keys');

my ($held) = @{simulated(qw/ --cost 5 --window fixed --max-wait 30s --min-size
	100 --max-size 100 --latency-threshold 0 /, "$t->{dir}/sim.log")->{runs}};

is_deeply([ sort map { $_->{size} } grep { $_->{status} ne 'BYPASS' }
	@{$held->{batches}} ], [ 1, 1, 1 + @r ], 'keys');

$t->done();

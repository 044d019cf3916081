#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what a request may say of itself: its task, its budget, its tolerance
# and its priority, from headers or from values of the location; that tasks and
# budgets that are not to be held go through with their reason; and that
# nonsense from a client is as nothing.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Time::HiRes qw/ time /;

use Test::LLMBatch;

my $t = Test::LLMBatch->new('eligibility')->has('llm_batch', 'debug');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my %count;

conf();
$t->run();

from_headers();
from_location();
tasks();
budgets();
names();
together();
slow();
missed();

# GETs of the status page, which is in the same server, are bypassed, too

delete $count{method};

for (sort keys %count) {
	$t->metric_is(qq!llm_batch_bypass_total{zone="llm",reason="$_"}!,
		$count{$_});
}

$t->done();


sub conf {
	$t->conf(<<'EOF', http => http(), listen => 'default_server');
llm_batch zone=llm;
llm_batch_concurrency 1;

location / {
    proxy_pass http://backend;
}
location /set/ {
    llm_batch_max_wait 300ms;
    llm_batch_task index;
    llm_batch_latency_budget 2s;
    llm_batch_latency_tolerance medium;
    llm_batch_priority 9;
    proxy_pass http://backend/;

    location /set/same/ {
        proxy_pass http://backend/;
    }
    location /set/off/ {
        llm_batch_task off;
        llm_batch_latency_budget off;
        llm_batch_latency_tolerance off;
        llm_batch_priority off;
        proxy_pass http://backend/;
    }
    location /set/default/ {
        llm_batch_task $http_x_llm_task;
        llm_batch_priority $http_x_llm_priority;
        proxy_pass http://backend/;
    }
}
location /values/ {
    llm_batch_task $arg_kind-$arg_part;
    llm_batch_latency_budget $arg_budget;
    llm_batch_latency_tolerance $arg_tolerance;
    llm_batch_priority $arg_priority;
    proxy_pass http://backend/;
}
location /number/ {
    llm_batch_latency_budget 750;
    proxy_pass http://backend/;
}
location /model/ {
    llm_batch_task $kind;
    llm_batch_eligible_tasks bulk;
    proxy_pass http://backend/;
}
location /itself/ {
    llm_batch_task "$llm_batch_task$llm_batch_group";
    proxy_pass http://backend/;
}
location /tasks/ {
    llm_batch_eligible_tasks index search;
    proxy_pass http://backend/;

    location /tasks/same/ {
        proxy_pass http://backend/;
    }
    location /tasks/other/ {
        llm_batch_eligible_tasks other;
        proxy_pass http://backend/;
    }
    location /tasks/any/ {
        llm_batch_eligible_tasks any;
        proxy_pass http://backend/;
    }
    location /tasks/off/ {
        llm_batch_eligible_tasks off;
        proxy_pass http://backend/;
    }
    location /tasks/alone/ {
        llm_batch_mode per_request;
        proxy_pass http://backend/;
    }
}
location /second/ {
    llm_batch_latency_threshold 1s;
    proxy_pass http://backend/;
}
location /none/ {
    llm_batch_latency_threshold 0;
    proxy_pass http://backend/;
}
location /dry/ {
    llm_batch zone=llm dry_run;
    llm_batch_eligible_tasks index;
    proxy_pass http://backend/;
}
location /long/ {
    llm_batch_max_wait 20s;
    proxy_pass http://backend/;
}
EOF
}

# a server that only says what its locations inherit

sub http {
	return <<'EOF';
error_log %%DIR%%/error.log debug;

map $llm_batch_model $kind {
    ~^big  bulk;
}

server {
    listen %%ADDR%%:8080;
    server_name above.example;

    %%TEST_HEADERS%%

    llm_batch_task above;
    llm_batch_latency_budget 5s;
    llm_batch_latency_tolerance medium;
    llm_batch_latency_threshold 6s;

    location / {
        llm_batch zone=llm;
        llm_batch_latency_threshold 0;
        proxy_pass http://backend;
    }
    location /below/ {
        location /below/it/ {
            llm_batch zone=llm;
            proxy_pass http://backend/;
        }
        location /below/it/held/ {
            llm_batch zone=llm;
            llm_batch_latency_threshold 0;
            proxy_pass http://backend/;
        }
    }
}
EOF
}

# sends one request; returns status and reason, and what the log says of it

sub ask ($where, %headers) {
	my ($prefix, $args) = $where =~ /^([^?]*)(.*)$/;
	my $at = -s $t->dir() . '/error.log';
	my $r = $t->request({ uri => "$prefix$uri$args",
		headers => \%headers, body => { model => 'm', input => 'x' } });

	is($r->{status}, 200, "$where: answered");

	my $said = join "\n", substr($t->read_file('error.log'), $at)
		=~ /: \*\d+ llm batch (.*)$/mg;
	my ($status, $reason) = map { $_ // '' }
		@{$r->{headers}}{qw/ x-status x-reason /};

	$count{$reason}++ if $status eq 'BYPASS';

	$reason = '' if $status eq 'SINGLE';

	return ($status . ($reason eq '' ? '' : " $reason"), $said);
}

sub with (%headers) {
	return join ' ', map { "$_=$headers{$_}" } sort keys %headers;
}

# a request that may be held: task, budget, wait and priority

sub is_held ($where, $want, %headers) {
	my $name = join ' ', grep { $_ ne '' } $where, with(%headers);
	my ($status, $said) = ask($where, %headers);
	my @got = $said
		=~ /^task:"(.*)" budget:(\d+) wait:(\d+) priority:(\d+)$/m;

	is($status, 'SINGLE', "held: $name");
	is(join(' ', map { $_ eq '' ? '-' : $_ } @got), $want,
		"held: $name: values");

	return $said;
}

sub is_refused ($where, $reason, %headers) {
	my $name = join ' ', grep { $_ ne '' } $where, with(%headers);
	my ($status, $said) = ask($where, %headers);

	is($status, "BYPASS $reason", "refused: $name");
	like($said, qr/^bypass: "$reason"$/m, "refused: $name: log");
	unlike($said, qr/priority:/, "refused: $name: nothing else");

	return $said;
}

sub from_headers {
	my $header = 'X-LLM-Latency-Budget-Ms';

	is_held('', '- 0 500 5');
	is_held('', 'index 0 500 5', 'X-LLM-Task' => 'index');

	# a bare number is milliseconds

	is_held('', "- $_->[1] 500 5", $header => $_->[0])
		for [ 200, 200 ], [ '00300', 300 ], [ '900ms', 900 ],
			[ '3s', 3000 ], [ '1m 30s', 90000 ],
			[ 99999999999, 2147483647 ], [ '1000d', 2147483647 ];

	for ('soon', '-5', '1.5', '200.0', '5x', '1s 5', '', '"300"', '9' x 30,
		'300, 400', 'NaN')
	{
		my $said = is_held('', '- 0 500 5', $header => $_);
		like($said, qr/^ignores latency budget: "\Q$_\E"$/m,
			"budget $_: said") if $_ ne '';
	}

	# the longest hold is a share of llm_batch_max_wait

	$header = 'X-LLM-Latency-Tolerance';

	is_held('', "- 0 $_->[1] 5", $header => $_->[0])
		for [ low => 0 ], [ medium => 250 ], [ high => 500 ],
			[ Low => 0 ], [ MEDIUM => 250 ], [ '' => 500 ];

	for ('none', 'lo', 'lower', 'mediu', '0.5', '1') {
		my $said = is_held('', '- 0 500 5', $header => $_);
		like($said, qr/^ignores latency tolerance: "\Q$_\E"$/m,
			"tolerance $_: said");
	}

	$header = 'X-LLM-Priority';

	is_held('', "- 0 500 $_", $header => $_) for 0 .. 9;

	for (10, -1, 'high', '5.0', '05', '1 2') {
		my $said = is_held('', '- 0 500 5', $header => $_);
		like($said, qr/^ignores priority: "\Q$_\E"$/m,
			"priority $_: said");
	}
}

# what the location sets is not the client's to say

sub from_location {
	my %all = ('X-LLM-Task' => 'mine', 'X-LLM-Latency-Budget-Ms' => 1,
		'X-LLM-Latency-Tolerance' => 'low', 'X-LLM-Priority' => 0);

	is_held('/set', 'index 2000 150 9', %all);
	is_held('/set/same', 'index 2000 150 9', %all);
	is_held('/set/off', '- 0 300 5', %all);
	is_held('/set/default', 'mine 2000 150 0', %all);
	is_held('/number', 'mine 750 0 0', %all);

	is_held('/values?kind=a&part=b&budget=1s&tolerance=medium&priority=7',
		'a-b 1000 250 7', %all);
	is_held('/values', '- 0 500 5', %all);
	like(is_held('/values?budget=x&tolerance=y&priority=z', '- 0 500 5'),
		qr/budget: "x"\n.*tolerance: "y"\n.*priority: "z"$/m,
		'values that are not known: said');

	# inherited from a level that does not batch

	my %above = (Host => 'above.example', 'X-LLM-Priority' => 4);

	is_held('', 'above 5000 250 4', %above);
	is_held('/below/it/held', 'above 5000 250 4', %above);
	is_refused('/below/it', 'budget', %above);
}

sub tasks {
	for my $where ('/tasks', '/tasks/same') {
		is_held($where, "$_ 0 500 5", 'X-LLM-Task' => $_)
			for 'index', 'search';

		for ('inde', 'indexes', 'Index', 'chat', '', 'index search') {
			like(is_refused($where, 'task', 'X-LLM-Task' => $_),
				qr/^task is not eligible: "\Q$_\E"$/m,
				"$where, task $_: said");
		}

		is_refused($where, 'task');
	}

	is_held('/tasks/other', 'other 0 500 5', 'X-LLM-Task' => 'other');
	is_refused('/tasks/other', 'task', 'X-LLM-Task' => 'index');

	for my $where ('/tasks/any', '/tasks/off') {
		is_held($where, 'chat 0 500 5', 'X-LLM-Task' => 'chat');
		is_held($where, '- 0 500 5');
	}

	# the first reason is told

	is_refused('/tasks', 'task', 'X-LLM-Latency-Budget-Ms' => 1);
	is_refused('/tasks', 'idempotency', 'Idempotency-Key' => 'k',
		'X-LLM-Task' => 'index', 'X-LLM-Latency-Budget-Ms' => 1);
	is_refused('/tasks/alone', 'mode');

	is_refused('/dry', 'task', 'X-LLM-Task' => 'chat');
	is((ask('/dry', 'X-LLM-Task' => 'index'))[0], 'DRYRUN',
		'dry run: eligible');
}

sub budgets {
	my $header = 'X-LLM-Latency-Budget-Ms';

	like(is_refused('', 'budget', $header => $_),
		qr/^budget of \d+ ms is below 200 ms$/m, "budget $_: said")
		for 199, 1, 0, '0ms', '150ms';

	is_refused('/second', 'budget', $header => 999);
	is_held('/second', '- 1000 500 5', $header => 1000);
	is_held('/second', '- 0 500 5');

	# without a threshold any is held, and 0 is not the same as none

	is_held('/none', '- 1 500 5', $header => $_) for 0, 1;
}

# the task of a request, whatever it is made of, and the name of its group

sub names {
	my $of = sub (%o) {
		truncate $t->dir() . '/access.log', 0;
		my $r = $t->request({ %o });

		$count{$r->{headers}{'x-reason'}}++
			if $r->{headers}{'x-status'} eq 'BYPASS';

		my @log;
		wait_for { @log = grep { $_->{request} =~ / \Q$o{uri}\E / }
			$t->access_log() };

		return join ' ', map { $log[0]{$_} eq '' ? '-' : $log[0]{$_} }
			qw/ status reason task group /;
	};
	my $model = sub ($where, $name) {
		return $of->(uri => "$where$uri",
			body => { model => $name, input => 'x' });
	};
	my %chat = (headers => { 'X-LLM-Task' => 'chat' });

	is($model->('/set', 'm'), 'SINGLE company index index:m', 'a constant task');
	is($model->('/model', 'big-1'), 'SINGLE company bulk bulk:big-1',
		'a task by the model');
	is($model->('/model', 'tiny'), 'BYPASS task - :tiny',
		'no task by the model');
	is($model->('/itself', 'm'), 'SINGLE company - :m', 'a task made of itself');

	# known although nothing was looked at

	is($of->(uri => $uri, method => 'GET', %chat),
		'BYPASS method chat -', 'a task without a body');
	is($of->(uri => "/set$uri", method => 'GET', %chat),
		'BYPASS method index -', 'a constant task without a body');
	is($of->(uri => "/itself$uri", method => 'GET', %chat),
		'BYPASS method - -', 'a task made of itself without a body');
	is($of->(uri => $uri, body => '[]', %chat), 'BYPASS json chat chat:',
		'a task with a bad body');
}

# what clients say separates nobody but by the task, and does not go upstream

sub together {
	my @requests = map { { uri => "/long$uri",
		headers => { 'X-LLM-Task' => 'index', 'X-LLM-Priority' => $_,
			'X-LLM-Latency-Budget-Ms' => 60000 + $_,
			'X-LLM-Latency-Tolerance' => $_ % 2 ? 'high' : '' },
		body => { model => 'm', input => "text $_" } } } 1 .. 4;

	$mock->reset();

	my @r = $t->plugged($mock, \@requests);

	is_own_answer(\@r, 'together');
	is_batched([ $mock->calls() ], into => 2, items => [ 1, 4 ],
		name => 'together: one call');

	my $h = ($mock->calls())[-1]{headers};

	is(join(' ', grep { /^x-llm/ } sort keys %$h), '',
		'together: nothing of it goes upstream');
}

# the time that a body takes is time of the budget

# an answer that is late is counted, if there was a budget and it was held

sub missed {
	my $metric = 'llm_batch_deadline_missed_total{zone="llm"}';
	my %request = (uri => $uri, body => { model => 'm', input => 'x' });
	my $header = 'X-LLM-Latency-Budget-Ms';

	my $before = $t->metric($metric);

	$mock->next(({ delay => 0.3 }) x 4);
	$t->request({ %request, headers => { $header => $_ } })
		for 250, 20000, 100, '';

	$t->metric_is($metric, $before + 1);
	$count{budget}++;
}

sub slow {
	my $body = '{"model":"m","input":"x"}';
	my $at = -s $t->dir() . '/error.log';
	my $begun = time();
	my $sock = IO::Socket::INET->new(PeerAddr => $t->addr(),
		PeerPort => 8080) or die "connect: $!";

	$sock->syswrite("POST $uri HTTP/1.1\r\nHost: localhost\r\n"
		. "Content-Type: application/json\r\nConnection: close\r\n"
		. "X-LLM-Latency-Budget-Ms: 100000\r\nContent-Length: "
		. length($body) . "\r\n\r\n");

	wait_for { time() > $begun + 0.2 };
	$sock->syswrite($body);

	like(join('', $sock->getlines()), qr!^HTTP/1.1 200!, 'slow: answered');

	my ($left) = substr($t->read_file('error.log'), $at)
		=~ /llm batch budget left: (\d+)/;

	cmp_ok($left // 0, '>', 80000, 'slow: a budget is left');
	cmp_ok($left // 0, '<', 99900, 'slow: but not all of it');
}

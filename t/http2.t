#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards clients of HTTP/2: requests of one connection meet as those of several
# do, with clients of HTTP/1.1 among them, and a stream that is given up takes
# nobody with it.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('HTTP/2', but => {
	tls => 'HTTP/2 comes without it here, and schemes share no call',
})->has(qw/ llm_batch http_v2 /);
my $mock = $t->backend();
my $uri = '/v1/embeddings';

plan(skip_all => 'no curl with HTTP/2')
	unless `curl --version 2>&1` =~ /^Features:.*\bHTTP2\b/m;

for my $workers (1, 4) {
	fail_conf($t, <<'EOF', workers => $workers,
llm_batch_headers on;
llm_batch_breaker failures=100 cooldown=1s;
EOF
		server => 'listen ' . $t->addr() . ':8443 http2'
			. ($workers > 1 ? ' reuseport' : '') . ';');
	$t->run();

	meets();
	fails();
	gives_up();

	$t->quit() if $workers == 1;
}

$t->done();


# one connection, a stream for each body; returns pid and names of the answers

sub start (@bodies) {
	my $dir = $t->dir();
	my (@args, @names);

	for my $i (0 .. $#bodies) {
		my $name = "$dir/h2.$i";

		unlink $name, "$name.head";
		$t->write_file("h2.$i.body", $bodies[$i]);

		push @names, $name;
		push @args, '--next' if $i;
		push @args, '--http2-prior-knowledge', '--silent',
			'--max-time', 10, '--data-binary', "\@$name.body",
			'--header', 'Host: localhost',
			'--header', 'Content-Type: application/json',
			'--dump-header', "$name.head", '--output', $name,
			'http://' . $t->addr() . ":8443$uri";
	}

	defined(my $pid = fork()) or die "fork: $!";

	if ($pid == 0) {
		open STDERR, '>', "$dir/curl.log";
		exec 'curl', '--parallel', '--parallel-immediate', @args
			or POSIX::_exit(127);
	}

	return ($pid, @names);
}

# the answers, as those of Test::LLMBatch::Client

sub finish ($bodies, $pid, @names) {
	waitpid $pid, 0;
	is($?, 0, 'curl');

	return map {
		my ($name, $body) = ($names[$_], $bodies->[$_]);
		my $head = Test::LLMBatch::Proc::slurp("$name.head");
		my ($status) = $head =~ m!^HTTP/2 (\d+)!m;

		{ status => $status // 0, error => '', sent => $body,
			request => { uri => $uri },
			headers => { $head =~ /^([\w-]+): (.*?)\r$/mg },
			body => Test::LLMBatch::Proc::slurp($name) };
	} 0 .. $#names;
}

# runs while a call is held, and until so many requests have queued

sub while_held ($queued, $run) {
	my $client = $t->client();

	$mock->reset();
	$mock->next({ hold => 1 });

	my $plug = $client->start({ uri => $uri,
		body => { model => 'm', input => 'plug' } });
	wait_for { $mock->count() == 1 } or diag('no plug');

	my @running = $run->($client);
	wait_for { $t->metric('llm_batch_queue_requests') == $queued }
		or diag('not queued');

	return ($client, $plug, @running);
}

sub bodies ($n) {
	return map { qq!{"model":"m","input":"stream $_"}! } 1 .. $n;
}

sub meets {
	my @bodies = bodies(6);
	my $rest;
	my ($client, $plug, @curl) = while_held(8, sub ($client) {
		$rest = $client->start(map {
			{ uri => $uri, body => { model => 'm', input => $_ } }
		} 'a', 'b');
		return start(@bodies);
	});

	$mock->release();

	my @h2 = finish(\@bodies, @curl);
	my @h1 = $client->finish($rest);
	$client->finish($plug);

	is_own_answer(\@h2, 'HTTP/2: own answers');
	is_own_answer(\@h1, 'HTTP/1.1 among them');
	is(sizes($mock), '1 8', 'one call');
	is(headers('x-status', @h1, @h2), 'MERGED', 'status');
	like($h2[0]{headers}{'x-llm-batch'} // '', qr/^status=merged; .*size=8/,
		'X-LLM-Batch');
	is((grep { ($_->{headers}{'content-length'} // -1) != length $_->{body} }
		@h2), 0, 'lengths');

	# passed through, and alone

	@bodies = ('{"model":"m","input":"x","stream":true}', '[]',
		bodies(1));
	$mock->reset();
	@h2 = finish(\@bodies, start(@bodies));

	is(headers('x-reason', @h2[0, 1]), 'json stream', 'passed through');
	is_own_answer([ @h2[0, 2] ], 'passed through: own answers');
}

sub fails {
	my @bodies = bodies(4);
	my ($client, $plug, @curl) = while_held(4, sub { start(@bodies) });

	$mock->next({ status => 404 });
	$mock->release();

	my @h2 = finish(\@bodies, @curl);
	$client->finish($plug);

	is(statuses(@h2), '404', 'an error to all');
	is(headers('x-status', @h2), 'FAILED', 'an error to all: status');

	warm_up($t, $mock);
	($client, $plug, @curl) = while_held(4, sub { start(@bodies) });

	$mock->script(many => { count => 1 });
	$mock->release();
	@h2 = finish(\@bodies, @curl);
	$client->finish($plug);

	is_own_answer(\@h2, 'isolated');
	is(headers('x-status', @h2), 'FALLBACK', 'isolated: status');
}

# while it is queued, and while its call is under way

sub gives_up {
	my @bodies = bodies(4);
	my $rest;
	my $run = sub ($client) {
		$rest = $client->start(map {
			{ uri => $uri, body => { model => 'm', input => $_ } }
		} 'a', 'b');
		return start(@bodies);
	};
	my ($client, $plug, @curl) = while_held(6, $run);

	kill 'KILL', $curl[0];
	waitpid $curl[0], 0;
	ok(wait_for { $t->metric('llm_batch_queue_requests') == 2 },
		'given up while queued');

	$mock->release();
	is_own_answer([ $client->finish($plug), $client->finish($rest) ],
		'given up while queued: the others');
	is(sizes($mock), '1 2', 'given up while queued: not sent');

	($client, $plug, @curl) = while_held(6, $run);

	$mock->next({ hold => 1 });
	$mock->release();
	wait_for { $mock->count() == 2 } or diag('no call');

	my $before = $t->metric('llm_batch_cancelled_total{phase="sent"}') // 0;

	kill 'KILL', $curl[0];
	waitpid $curl[0], 0;
	ok(wait_for {
		$t->metric('llm_batch_cancelled_total{phase="sent"}')
			== $before + 4
	}, 'given up under way');

	$mock->release();
	is_own_answer([ $client->finish($plug), $client->finish($rest) ],
		'given up under way: the others');
	is(sizes($mock), '1 6', 'given up under way: the call goes on');
}

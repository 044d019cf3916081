#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging in front of servers that are not ours: what a client gets
# through a call is what it gets alone, but for the noise of the model.  Run
# "bench/third-party-server install" of a name to have that server tested.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use List::Util qw/ uniq /;
use MIME::Base64;
use Scalar::Util qw/ looks_like_number /;

use Test::LLMBatch;
use Test::LLMBatch::JSON;

use constant {
	CLIENTS => 24,
	SECONDS => 120,
	TOLERANCE => 1e-5,
};

my $script = "$FindBin::Bin/../bench/third-party-server";

# one client sends several items, the next one; some have an identifier

sub texts($i) {
	my @texts = map { "item $i.$_" . ' in green' x ($i % 7) } 0 .. $i % 3;
	return { model => 'minilm', input => @texts > 1 ? \@texts : $texts[0] };
}

sub base64($i) { +{ texts($i)->%*, encoding_format => 'base64' } }

sub row($i) { [ map { ($i * 7 + $_ * ($i % 5 + 3)) % 17 } 0 .. 63 ] }

sub instances($i) {
	return { instances => [ map { row($i * 3 + $_) } 0 .. $i % 3 ] };
}

sub tensors($i) {
	my @rows = @{ instances($i)->{instances} };

	return { inputs => [ { name => 'predict', datatype => 'FP32',
			shape => [ scalar @rows, 64 ], data => [ map { @$_ } @rows ] } ],
		outputs => [ { name => 'predict_proba' } ],
		$i % 2 ? (id => "mine-$i") : () };
}

sub nested($i) {
	my $body = tensors($i);
	$body->{inputs}[0]{data} = instances($i)->{instances};
	return $body;
}

# name, location, uri, body of client number i

my @cases = (
	[ 'infinity', '/embeddings', '/embeddings', \&texts ],
	[ 'infinity', '/embeddings', '/embeddings', \&base64 ],
	[ 'mlserver', '/v2/', '/v2/models/digits/infer', \&tensors ],
	[ 'mlserver', '/v2/', '/v2/models/digits/infer', \&nested ],
	[ 'kserve', '/v1/models/', '/v1/models/digits:predict', \&instances ],
);

@cases = grep { !system $script, 'installed', $_->[0] } @cases;

my $t = Test::LLMBatch->new('servers of others')->has('llm_batch');

plan(skip_all => 'no server is installed') unless @cases;


my (%server, $locations);

END { stop() }

sub stop {
	my $code = $?;
	my @pids = map { $_->{pid} } values %server;

	%server = ();
	kill '-TERM', @pids;
	waitpid $_, 0 for @pids;
	kill '-KILL', @pids;
	$? = $code;
}

sub free_port {
	return IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 1)->sockport();
}

sub start($name) {
	my $port = free_port();
	my $dir = $t->dir() . "/$name";

	mkdir $dir;

	my $pid = fork() // die "fork: $!";

	if (!$pid) {
		%server = ();
		setpgrp;
		open STDOUT, '>', "$dir.log";
		open STDERR, '>&', \*STDOUT;
		exec $script, 'run', $name, $port, $dir or die "exec: $!";
	}

	return { pid => $pid, port => $port };
}

for my $case (@cases) {
	my ($name, $location) = @$case;

	next if $server{$name};
	$server{$name} = start($name);

	$locations .= <<END;
    location /alone$location {
        proxy_pass http://127.0.0.1:$server{$name}{port}$location;
    }

    location $location {
        llm_batch zone=llm;
        llm_batch_concurrency 1;
        llm_batch_max_size 32;
        llm_batch_max_wait 10s;
        llm_batch_adapter openai_embeddings kserve_v1 oip_v2;
        proxy_pass http://127.0.0.1:$server{$name}{port};
    }
END
}

$t->conf($locations, workers => 2);
$t->run();

# all numbers of a value, and the value without them

sub flatten($value, $numbers) {
	if (ref $value eq 'HASH') {
		return { map { $_ => flatten($value->{$_}, $numbers) }
			grep { !/^(?:id|created|usage)$/ } sort keys %$value };
	}

	return [ map { flatten($_, $numbers) } @$value ] if ref $value eq 'ARRAY';

	if (looks_like_number($value)) {
		push @$numbers, $value;
		return 'number';
	}

	if (defined $value and length $value > 1000) {
		push @$numbers, unpack 'f<*', decode_base64($value);
		return 'numbers';
	}

	return $value;
}

sub differs($one, $two) {
	return 'no JSON' unless ref $one and ref $two;

	my (@x, @y);
	my @rest = (flatten($one, \@x), flatten($two, \@y));

	return 'another number of numbers' unless @x == @y and @x;

	for my $i (0 .. $#x) {
		return "$x[$i], not $y[$i]" if abs($x[$i] - $y[$i]) > TOLERANCE;
	}

	return eq_deeply(@rest) ? '' : 'something else than numbers';
}

sub eq_deeply($one, $two) {
	return encode_json($one) eq encode_json($two);
}

sub problems($alone, $merged) {
	my @problems;

	for my $i (0 .. $#$merged) {
		my ($a, $m) = ($alone->[$i], $merged->[$i]);
		my $why = $m->{error} || ($m->{status} == 200
			? differs($m->{json}, $a->{json}) : $m->{status});

		push @problems, "$i: $why" if $why;
	}

	return join "\n", @problems;
}

for my $case (@cases) {
	my ($name, undef, $uri, $body) = @$case;
	my $client = $t->client(timeout => SECONDS);

	wait_for {
		my $r = $client->request({ uri => "/alone$uri", body => $body->(0) });
		($r->{status} // 0) == 200;
	} SECONDS or do {
		diag("$name does not answer");
		system 'tail', $t->dir() . "/$name.log";
	};

	my @alone = map { $client->request({ uri => "/alone$uri",
		body => $body->($_) }) } 0 .. CLIENTS - 1;
	my @merged = $client->burst(CLIENTS, $uri, $body);
	my @size = grep { $_ } map { $_->{headers}{'x-size'} } @merged;

	is(problems(\@alone, \@merged), '', "$name: as alone");

	cmp_ok(scalar(grep { $_ > 1 } @size), '>=', CLIENTS / 2,
		"$name: most are merged");

	my @ids = map { ref $_->{json} eq 'HASH' ? $_->{json}{id} // '' : '' }
		@merged;
	my @wrong = grep { my $id = $body->($_)->{id};
		$id and $id ne $ids[$_] } 0 .. $#ids;
	my @some = grep { length } @ids;

	# not in a header either: MLServer repeats it there

	push @wrong, grep { my $own = $body->($_)->{id} // '';
		grep { $_ ne $own }
			"$merged[$_]{head}\n$merged[$_]{body}" =~ /mine-\d+/g } 0 .. $#ids;

	is_deeply([ \@wrong, scalar(uniq @some) ], [ [], scalar @some ],
		"$name: a client's own identifier, and nobody else's");
}

stop();
$t->expect(qr/\(111: Connection refused\)/);
$t->done();

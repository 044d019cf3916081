#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards ways in which clients come, beside merging: sockets of all kinds, the
# PROXY protocol and realip, and many streams of HTTP/2 in one connection, some
# of which are given up.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Beside;

my $t = Test::LLMBatch->new('beside listeners')
	->has(qw/ llm_batch http_realip http_v2 /);
my $mock = $t->backend();
my $batch = batch();
my $port = 20000 + $$ % 20000;
my $v6 = IO::Socket::IP->new(LocalHost => '::1', LocalPort => $port,
	Listen => 1) ? "[::1]:$port" : '';

$t->conf(<<"CONF", workers => 2, http => <<"HTTP");
location /unix/ { proxy_pass http://unix:%%DIR%%/listen:/; }
@{[ $v6 && "location /ipv6/ { proxy_pass http://$v6/; }" ]}

location /realip/ {
    $batch
    set_real_ip_from 127.0.0.0/8;
    set_real_ip_from ::1;
    set_real_ip_from unix:;
    real_ip_header X-Forwarded-For;
    add_header X-Addr \$remote_addr;
    proxy_pass http://backend/;
}
CONF
server {
    listen unix:%%DIR%%/listen;
    @{[ $v6 && "listen $v6 ipv6only=on;" ]}
    location / {
        $batch
        proxy_pass http://backend;
    }
}
server {
    listen %%ADDR%%:8083 proxy_protocol;
    set_real_ip_from 127.0.0.0/8;
    real_ip_header proxy_protocol;
    location / {
        $batch
        add_header X-Addr \$remote_addr;
        proxy_pass http://backend/;
    }
}
server {
    listen %%ADDR%%:8084 http2;
    client_max_body_size 1k;
    location / {
        $batch
        proxy_pass http://backend/;
    }
}
HTTP

$t->run();

is_merged($t, $mock, $_) for 'unix', $v6 ? 'ipv6' : ();

# addresses are each client's own

my @r = is_merged($t, $mock, 'realip', more => sub ($i) {
	return headers => { 'X-Forwarded-For' => "10.0.0.$i" };
});

is((grep { $r[$_ - 1]{headers}{'x-addr'} ne "10.0.0.$_" } 1 .. N), 0,
	'realip: own addresses');

my $client = $t->client();

$mock->reset();
@r = $client->finish($client->start(map {
	my $conn = $client->connect(port => 8083);

	syswrite $conn->{sock}, "PROXY TCP4 10.0.1.$_ 10.0.0.1 1000 80\r\n";
	one('any', "proxied $_", conn => $conn);
} 1 .. N));

is_own_answer(\@r, 'proxy_protocol: own answers');
is(sizes($mock), N, 'proxy_protocol: calls');
is((grep { $r[$_ - 1]{headers}{'x-addr'} ne "10.0.1.$_" } 1 .. N), 0,
	'proxy_protocol: own addresses');

streams();
given_up();
gone();
too_large();

$t->done();


# streams of one connection, HTTP/2 as far as it is needed

sub frame($type, $flags, $id, $payload) {
	my $len = length $payload;
	return pack('CnCCN', $len >> 16, $len & 0xffff, $type, $flags, $id)
		. $payload;
}

sub open_h2 {
	my $s = IO::Socket::INET->new(PeerAddr => $t->addr(),
		PeerPort => 8084) or die "connect: $!";

	print $s "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '');
	$s->flush();
	return { s => $s, next => 1, sent => {} };
}

# bodies are written "step" bytes a frame; returns the numbers of the streams

sub start_h2($c, $step, @texts) {
	my @ids;

	for my $text (@texts) {
		my $body = qq!{"model":"m","input":"$text"}!;
		my $id = $c->{next};
		my @h = (':method', 'POST', ':scheme', 'http', ':path',
			'/any/v1/embeddings', ':authority', 'localhost',
			'content-type', 'application/json');
		my @parts = unpack "(a$step)*", $body;

		$c->{next} += 2;
		$c->{sent}{$id} = $body;
		push @ids, $id;

		print {$c->{s}} frame(1, 4, $id,
			join '', map { "\0" . pack 'C/a C/a', @$_ }
				map { [ @h[2 * $_, 2 * $_ + 1] ] } 0 .. $#h / 2);

		for my $i (0 .. $#parts) {
			print {$c->{s}} frame(0, $i == $#parts ? 1 : 0, $id,
				$parts[$i]);
			$c->{s}->flush();
		}
	}

	return @ids;
}

# the answers of these streams, as those of Test::LLMBatch::Client

sub finish_h2($c, @ids) {
	my ($in, %body, %head, %done) = ('');
	my $select = IO::Select->new($c->{s});

	while (grep { !$done{$_} } @ids) {
		$select->can_read(10)
			and sysread $c->{s}, $in, 1 << 16, length $in or last;

		while (length $in >= 9) {
			my ($high, $low, $type, $flags, $id) = unpack 'CnCCN', $in;
			my $len = $high << 16 | $low;

			last if length $in < 9 + $len;

			my $payload = substr $in, 9, $len;
			substr $in, 0, 9 + $len, '';

			$head{$id} .= $payload if $type == 1;
			$body{$id} .= $payload if $type == 0;
			$done{$id} = 1 if $type < 2 and $flags & 1 or $type == 3;
		}
	}

	return map { {
		status => ($head{$_} // '') =~ /^\x20?\x88/ ? 200
			: ($head{$_} // '') =~ /(\d\d\d)/ ? $1 : 0,
		body => $body{$_} // '', sent => $c->{sent}{$_},
		request => { uri => '/any/v1/embeddings' }
	} } @ids;
}

sub streams {
	for my $step (1000, 1) {
		my $c = open_h2();

		$mock->reset();

		my @h2 = finish_h2($c, start_h2($c, $step,
			map { "stream $step $_" } 1 .. N));

		is_own_answer(\@h2, "streams, by $step: own answers");
		is(sizes($mock), N, "streams, by $step: one call");
	}
}

# half of those that are held; others take their places

sub given_up {
	my $c = open_h2();

	$mock->reset();

	my @ids = start_h2($c, 1000, map { "stream $_" } 1 .. N - 1);

	queued(N - 1);
	print {$c->{s}} frame(3, 0, $_, pack 'N', 8) for @ids[0 .. 5];
	$c->{s}->flush();
	queued(N - 7);

	push @ids, start_h2($c, 1000, map { "more $_" } 1 .. 7);

	is_own_answer([ finish_h2($c, @ids[6 .. $#ids]) ],
		'given up: own answers of the others');
	is(sizes($mock), N, 'given up: one call');
}

sub gone {
	my $c = open_h2();

	$mock->reset();
	start_h2($c, 1000, map { "stream $_" } 1 .. N - 1);
	queued(N - 1);
	close $c->{s};
	queued(0);
	is($mock->count(), 0, 'gone: no call');
}

sub too_large {
	my $c = open_h2();

	$mock->reset();

	my @ids = start_h2($c, 1000, 'x' x 3000, map { "small $_" } 1 .. N);
	my ($large, @small) = finish_h2($c, @ids);

	is($large->{status}, 413, 'too large: 413');
	is_own_answer(\@small, 'too large: own answers of the others');
	is(sizes($mock), N, 'too large: one call');
}

sub queued($n) {
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(wait_for { $t->metric('llm_batch_queue_requests') == $n },
		"$n are held");
}

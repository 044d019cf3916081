#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards bodies beside merging: filters of a location see each client's answer,
# not that of the call, and it does not matter how a request or an answer is
# buffered, or how a client sends and reads.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use IO::Uncompress::Gunzip qw/ gunzip /;
use JSON::PP;
use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Beside;

my $t = Test::LLMBatch->new('beside filters of bodies')->has(qw/ llm_batch
	http_sub http_addition http_gunzip http_slice http_gzip /);
my $mock = $t->backend();
my $acted = $t->backend(8082);

# the directives of each location

my %location = (
	sub => 'sub_filter \'"object":"list"\' \'"object":"LIST"\';
		sub_filter_types application/json;',
	gzip => 'gzip on; gzip_min_length 1; gzip_types application/json;',
	gunzip => 'gunzip on;',
	ssi => 'ssi on; ssi_types application/json;',
	addition => 'add_after_body /after; addition_types application/json;',
	userid => 'userid on; userid_name uid;',
	cookie => 'proxy_cookie_path / /there; proxy_cookie_domain a b;',
	action => 'post_action /acted;',
	unbuffered => 'proxy_buffering off;',
	streamed => 'proxy_request_buffering off; proxy_http_version 1.1;',
	old => 'proxy_http_version 1.0;',
	file => 'client_body_in_file_only on;',
	clean => 'client_body_in_file_only clean;',
	single => 'client_body_in_single_buffer on;',
	small => 'client_body_buffer_size 16;',
	rate => 'limit_rate 100k; proxy_limit_rate 100k;',
	aio => 'aio threads; directio 1; output_buffers 1 1k;
		proxy_buffer_size 1k; proxy_buffers 2 1k;
		proxy_busy_buffers_size 1k;',
	slice => 'slice 1k;',
	unchunked => 'chunked_transfer_encoding off;
		sub_filter xyz abc; sub_filter_types application/json;',
);

my $locations = join '', map { <<"CONF" } sort keys %location;
location /$_/ {
    @{[ batch() ]}
    $location{$_}
    proxy_pass http://backend/;
}
CONF

$t->conf(<<"CONF", workers => 2);
$locations
location = /after { return 200 after; }

location = /acted {
    internal;
    proxy_pass http://%%ADDR%%:8082/acted;
}
CONF

$t->run();

# what filters make of a body, undone

my %undo = (
	sub => sub ($r) {
		my $n = $r->{body} =~ s/LIST/list/;
		return (body => $n ? $r->{body} : 'no LIST');
	},
	gzip => sub ($r) {
		gunzip \$r->{body}, \my $body;
		return (body => $body // 'no gzip');
	},
	addition => sub ($r) {
		my $n = $r->{body} =~ s/after\z//;
		return (body => $n ? $r->{body} : 'nothing after');
	},
);

my %more = (
	gzip => { headers => { 'Accept-Encoding' => 'gzip' } },
	slice => { headers => { Range => 'bytes=0-9999' } },
);

for my $where (grep { $_ ne 'gunzip' } sort keys %location) {
	is_merged($t, $mock, $where, body => $undo{$where},
		more => $more{$where}, how => { headers => {
			'set-cookie' => 'a=1; path=/; domain=a' } });
}

# an answer that is encoded cannot be cut; alone it is what the location makes it

is_merged($t, $mock, 'gunzip', how => { gzip => 1 },
	sizes => join ' ', N, (1) x N);

my @r = is_merged($t, $mock, 'userid', name => 'userid, again');

is(uniq(map { $_->{headers}{'set-cookie'} } @r), N, 'userid: one each');

# a location acts for each client, none for the call

$mock->reset();
$acted->reset();
together($t, 'action');

wait_for { $acted->count() == N };
is($acted->count(), N, 'action: one for each client');

# ways of sending

my %sent = (
	'HTTP/1.0' => { version => '1.0' },
	chunked => { chunked => 1 },
	expected => { expect => 1 },
	'chunked, expected' => { chunked => 1, expect => 1 },
	'slowly' => { slow => 20 },
);

for my $name (sort keys %sent) {
	is_merged($t, $mock, $_, name => "$name, $_", more => $sent{$name},
		body => $undo{$_})
		for qw/ sub small /;
}

pipelined();

$t->done();


# two requests of each connection before any answer: two calls, in order

sub pipelined {
	my @s = map { IO::Socket::INET->new(PeerAddr => $t->addr(),
		PeerPort => 8080) } 1 .. N;

	$mock->reset();

	for my $i (1 .. N) {
		for my $n (1, 2) {
			my $body = encode_json({ model => 'm', input => "$i.$n" });

			$s[$i - 1]->print("POST /small/v1/embeddings HTTP/1.1\r\n"
				. "Host: localhost\r\nContent-Type: application/json\r\n"
				. 'Content-Length: ' . length($body) . "\r\n"
				. 'Connection: ' . ($n == 2 ? 'close' : 'keep-alive')
				. "\r\n\r\n$body");
		}
	}

	my @r = map { my $i = $_;
		my $all = join '', $s[$i - 1]->getlines();
		my @body = grep { /^\{/ } split /\r\n\r\n|(?=HTTP\/1)/, $all;

		map { { request => { uri => '/small/v1/embeddings' },
			status => 200, body => $body[$_ - 1] // '',
			sent => encode_json({ model => 'm', input => "$i.$_" })
		} } 1, 2;
	} 1 .. N;

	is_own_answer(\@r, 'pipelined: own answers, in order');
	is(sizes($mock), join(' ', N, N), 'pipelined: two calls');
}

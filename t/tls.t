#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards clients that come over TLS: a call has no TLS connection of its own,
# and yet $scheme is theirs; and those of one scheme share no call with those
# of the other, though the location is the same.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

plan(skip_all => 'no openssl') if system('openssl version > /dev/null 2>&1');

my $t = Test::LLMBatch->new('tls')->has('llm_batch');
my $mock = $t->backend();

# nginx itself is the TLS client of its second server

$t->conf(<<'EOF', http => <<'HTTP');
# nginx does not free the session it keeps

proxy_ssl_session_reuse  off;

location /secure/ {
    proxy_pass  https://%%ADDR%%:8443/;
}

location /plain/ {
    proxy_pass  http://%%ADDR%%:8083/;
}
EOF
server {
    listen  %%ADDR%%:8443 ssl;
    listen  %%ADDR%%:8083;

    ssl_certificate      %%DIR%%/cert.pem;
    ssl_certificate_key  %%DIR%%/cert.key;

    llm_batch              zone=llm;
    llm_batch_concurrency  1;
    llm_batch_max_wait     10s;

    location / {
        proxy_set_header  X-Forwarded-Proto $scheme;
        proxy_set_header  X-Https           $https;
        proxy_pass        http://backend;
    }
}
HTTP

system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
	. "-keyout $t->{dir}/cert.key -out $t->{dir}/cert.pem > /dev/null 2>&1")
	== 0 or plan(skip_all => 'no certificate');

$t->run();

my @both = map { +{ uri => "/$_->[0]/v1/embeddings",
	body => { model => 'm', input => "text $_->[1]" } } }
	[ secure => 1 ], [ plain => 2 ], [ secure => 3 ], [ plain => 4 ];

my @r = $t->plugged($mock, [ grep { $_->{uri} =~ /secure/ } @both ]);

is_own_answer(\@r, 'secure');
is(join(' ', map { $_->{items} } $mock->calls()), '1 2', 'secure: one call');
is(protocols(), 'https on, https on', 'secure: $scheme and $https');

$mock->reset();
@r = $t->plugged($mock, \@both, queued => 2);

is_own_answer(\@r, 'both');
is(join(' ', sort map { $_->{items} } $mock->calls()), '1 1 1 2',
	'both: none share a call');
like(protocols(), qr/http ,.*http |http .*, http /,
	'both: to each its scheme');

$t->done();


sub protocols {
	return join(', ', map {
		join ' ', map { $_ // '' }
			@{$_->{headers}}{qw/ x-forwarded-proto x-https /}
	} $mock->calls());
}

#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that a call stays in the server and the location of its members where
# several servers share an address.  Looked for again by its name, the server
# would be found, but the call would have left the location, and the captures
# of the name would take the place of those of the location.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('virtual servers')->has('llm_batch');
my $uri = '/v1/embeddings';
my $http = <<'EOF';
llm_batch_concurrency 1;
llm_batch_max_wait 20s;

server {
    listen %%ADDR%%:8080;
    server_name ~^(?<who>\w+)\.(\w+)\.example$;
    llm_batch zone=llm;

    location / {
        proxy_set_header X-Location root;
        proxy_set_header X-Who $who;
        proxy_pass http://backend;
    }
    location ~ ^/to/(\w+)(/.*)$ {
        proxy_set_header X-Location capture;
        proxy_set_header X-Who $who;
        proxy_pass http://backend/$1$2;
    }
}
EOF

$http =~ s/%%ADDR%%/$t->addr()/ge;

$t->conf(<<'EOF', http => $http, listen => 'default_server');
llm_batch zone=llm;
proxy_set_header X-Location server;

location / {
    proxy_set_header X-Location default;
    proxy_pass http://backend;
}
EOF

my $mock = $t->backend();

$t->run();

for (
	[ 'one.two.example', $uri, $uri, 'root', 'one' ],
	[ 'one.two.example', "/to/it$uri", "/it$uri", 'capture', 'one' ],
	[ 'ONE.two.example:8080', $uri, $uri, 'root', 'one' ],
	[ 'other.example', $uri, $uri, 'default', undef ],
	[ undef, $uri, $uri, 'default', undef ],
) {
	my ($host, $from, $to, $location, $who) = @$_;
	my $name = ($host // 'no host') . " $from";

	$mock->reset();

	my @r = $t->plugged($mock, [ map { {
		uri => $from, headers => { $host ? (Host => $host) : () },
		body => { model => 'm', input => "text $_" },
	} } 1 .. 4 ]);

	is_own_answer(\@r, $name);
	is(join(' ', map { $_->{items} } $mock->calls()), '1 4',
		"$name: one call");

	my $call = ($mock->calls())[-1];

	is($call->{uri}, $to, "$name: URI");
	is($call->{headers}{'x-location'}, $location, "$name: location");
	is($call->{headers}{'x-who'}, $who, "$name: captures");
}

$t->done();

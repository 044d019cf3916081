#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards captures of the location: those of a "map" that a value of ours is
# made of, which may be one client's credentials, do not take their place, in
# calls nor in what goes alone.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;

my $t = Test::LLMBatch->new('captures')->has('llm_batch')->plan(9);

$t->conf(<<'EOF', http => <<'MAPS');
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_wait 20s;
proxy_set_header X-Capture $1;

location ~ ^/(tenant)/ {
    rewrite ^/tenant(.*) $1 break;
    llm_batch_tenant $team;
    proxy_pass http://backend;
}
location ~ ^/v1/(embed.*)$ {
    llm_batch_tenant $team;
    llm_batch_vary $tier $1;
    llm_batch_ignore_headers X-Key;
    proxy_pass http://backend;
}
location ~ ^/off/v1/(embed.*)$ {
    llm_batch_priority $tier;
    llm_batch_mode per_request;
    proxy_pass http://backend/v1/$1;
}
EOF
map $http_authorization $team {
    "~^Bearer (.+)-red$" red;
    default none;
}
map $http_x_key $tier {
    ~^(.+)-gold$ 1;
    default 2;
}
MAPS

my $mock = $t->backend();

$t->run();

for my $uri ('/v1/embeddings', '/tenant/v1/embeddings') {
	my $own = $uri =~ /tenant/ ? '/v1/embeddings' : 'embeddings';

	my @r = $t->plugged($mock, [ map { {
		uri => $uri,
		headers => { 'Authorization' => "Bearer secret$_-red",
			'X-Key' => $own =~ /^e/ ? "key$_-gold" : 'all-gold' },
		body => { model => 'm', input => "text $_" }
	} } 1 .. 3 ]);

	is_own_answer(\@r, $uri);
	is_batched([ $mock->calls() ], into => 2, items => [ 1, 3 ]);
	is(join(' ', uniq map { $_->{headers}{'x-capture'} // '-' }
		$mock->calls()), $own, "$uri: captures of the location");
	$mock->reset();
}

my $r = $t->request({ uri => '/off/v1/embeddings',
	headers => { 'X-Key' => 'mine-gold' },
	body => { model => 'm', input => 'text' } });
is_own_answer($r, 'not batched');
is(($mock->calls())[-1]{headers}{'x-capture'}, 'embeddings',
	'not batched: captures of the location');

$t->done();

# frozen_string_literal: true

# A small Mastodon around the real Doorkeeper engine, for the end-to-end tests.
#
# Everything under /oauth is Doorkeeper's own code, set up as Mastodon sets it up. The rest (sign-in,
# registration, the few calls that a posting bot makes) is written after Mastodon's documentation
# and sources, which the comments name; the paths are those of github.com/mastodon/mastodon.
#
# Runs on Debian's packages (tests/e2e/setup), on 127.0.0.1. Prints its port when it is ready, logs
# to standard error (every parameter in clear: no secret here is worth anything), and ends when its
# standard input does, so that it never outlives the tests. Settings:
#
#   DATABASE   the SQLite file to make (required)
#   ACCOUNTS   name:password, separated by spaces; the e-mail address is name@example.org (required)
#   PORT       0 for any free one (0)
#   POLICY     the Content-Security-Policy of all pages, as an admin may set it in front of Mastodon
#   LEGACY     1: as Mastodon 4.2: no PKCE, no metadata, no `profile` scope, passwords taken; else
#              as Mastodon 4.7 (0)

ENV["DATABASE_URL"] = "sqlite3:#{ENV.fetch("DATABASE")}?timeout=5000"
ENV["RAILS_ENV"] = "production"

require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"
require "doorkeeper"
require "puma"

LEGACY = ENV["LEGACY"] == "1"
VERSION = LEGACY ? "4.2.29" : "4.7.3"

class Instance < Rails::Application
  config.load_defaults Rails::VERSION::STRING.to_f
  config.root = __dir__
  config.eager_load = false
  config.secret_key_base = SecureRandom.hex(64)
  config.logger = ActiveSupport::Logger.new($stderr)
  config.log_level = :info
  config.action_dispatch.default_headers["Content-Security-Policy"] = ENV["POLICY"] if ENV["POLICY"]
  config.session_store :cookie_store, key: "_mastodon_session", same_site: :lax
end

# The scopes of config/initializers/doorkeeper.rb, less the administrators' finer ones.
SINCE_46 = LEGACY ? [] : %w[collections]
READ = [*SINCE_46, *%w[accounts blocks bookmarks favourites filters follows lists mutes notifications
                       search statuses]].map { |name| :"read:#{name}" }
WRITE = [*SINCE_46, *%w[accounts blocks bookmarks conversations favourites filters follows lists media
                        mutes notifications reports statuses]].map { |name| :"write:#{name}" }
PROFILE = LEGACY ? [] : [:profile]

# config/initializers/doorkeeper.rb. What it leaves out is left out here too: codes live for ten
# minutes, the out-of-band redirect is on, there are no refresh tokens.
Doorkeeper.configure do
  orm :active_record
  resource_owner_authenticator { current_user || redirect_to("/auth/sign_in") }
  base_controller "ApplicationController"
  access_token_expires_in nil
  reuse_access_token
  enforce_configured_scopes
  default_scopes :read
  optional_scopes(*PROFILE, :write, *WRITE, *READ, :follow, :push, :"admin:read", :"admin:write")
  force_ssl_in_redirect_uri false
  forbid_redirect_uri { |uri| %w[data vbscript javascript].include?(uri.scheme.to_s.downcase) }
  # Mastodon 4.4 removed `password`. Before, an account with two-factor authentication was `nil` too.
  grant_flows(%w[authorization_code client_credentials] + (LEGACY ? %w[password] : []))
  resource_owner_from_credentials do |_routes|
    user = User.find_by(email: request.params[:username])
    user if user&.authenticate(request.params[:password])
  end
end

# `pkce_code_challenge_methods ["S256"]` there; Doorkeeper has that setting since 5.8.
Doorkeeper::OAuth::PreAuthorization.prepend(
  Module.new do
    private

    def validate_code_challenge_method
      super && (LEGACY || code_challenge.blank? || code_challenge_method == "S256")
    end
  end
)

Instance.initialize!
Instance.config.filter_parameters.clear # Doorkeeper puts its own there

class User < ActiveRecord::Base
  has_secure_password
end

class Status < ActiveRecord::Base; end

class ApplicationController < ActionController::Base
  protect_from_forgery with: :exception

  private

  def current_user
    User.find_by(id: session[:user_id])
  end
end

# What Devise does for Mastodon: back to where the person came from.
class SessionsController < ApplicationController
  def new
    render inline: <<~HTML
      <!DOCTYPE html>
      <title>Log in</title>
      <h1>Log in</h1>
      <p id="alert"><%= flash[:alert] %></p>
      <%= form_tag "/auth/sign_in" do %>
        <%= label_tag :email, "E-mail address" %> <%= email_field_tag :email %>
        <%= label_tag :password %> <%= password_field_tag :password %>
        <%= submit_tag "Log in" %>
      <% end %>
    HTML
  end

  def create
    user = User.find_by(email: params[:email])
    unless user&.authenticate(params[:password])
      return redirect_to "/auth/sign_in", alert: "Invalid E-mail address or password."
    end

    back = session[:return_to] || "/"
    reset_session
    session[:user_id] = user.id
    redirect_to back
  end
end

# app/controllers/oauth/authorizations_controller.rb: who approved this application before isn't
# asked again, unless by force_login.
class AuthorizationsController < Doorkeeper::AuthorizationsController
  layout false
  prepend_before_action { session[:return_to] = request.fullpath if request.get? }

  private

  def matching_token?
    !ActiveModel::Type::Boolean.new.cast(params[:force_login]) && super
  end
end

# app/controllers/api/base_controller.rb
class ApiController < ActionController::API
  rescue_from(ActiveRecord::RecordInvalid) { |e| render json: { error: e.to_s }, status: 422 }

  private

  def doorkeeper_unauthorized_render_options(error: nil)
    { json: { error: error.try(:description) || "Not authorized" } }
  end

  def doorkeeper_forbidden_render_options(*)
    { json: { error: "This action is outside the authorized scopes" } }
  end

  def user
    @user ||= User.find_by(id: doorkeeper_token.resource_owner_id)
  end

  def require_user!
    return if user

    render json: { error: "This method requires an authenticated user" }, status: 422
  end

  def account(user)
    { id: user.id.to_s, username: user.username, acct: user.username, display_name: user.username,
      bot: user.username == "bot", url: "#{request.base_url}/@#{user.username}" }
  end
end

# https://docs.joinmastodon.org/methods/apps/
class AppsController < ApiController
  def create
    app = Doorkeeper::Application.create!(
      name: params[:client_name], website: params[:website],
      redirect_uri: redirect_uris, scopes: params.permit(:scopes)[:scopes] || "read"
    )
    fields = { id: app.id.to_s, name: app.name, website: app.website.presence,
               redirect_uri: app.redirect_uri, client_id: app.uid, client_secret: app.secret,
               vapid_key: "unused" }
    since43 = { scopes: app.scopes.to_a, redirect_uris: app.redirect_uri.split,
                client_secret_expires_at: 0 }
    render json: LEGACY ? fields : fields.merge(since43)
  end

  private

  def redirect_uris
    LEGACY ? params.permit(:redirect_uris)[:redirect_uris] : Array(params[:redirect_uris]).join("\n")
  end
end

# https://docs.joinmastodon.org/methods/accounts/#verify_credentials
class AccountsController < ApiController
  before_action -> { doorkeeper_authorize!(*PROFILE, :read, :"read:accounts") }
  before_action :require_user!

  def verify_credentials
    render json: account(user)
  end
end

# https://docs.joinmastodon.org/methods/statuses/#create
class StatusesController < ApiController
  before_action -> { doorkeeper_authorize!(:write, :"write:statuses") }
  before_action :require_user!

  def create
    if params[:status].blank?
      return render json: { error: "Validation failed: Text can't be blank" }, status: 422
    end

    key = request.headers["Idempotency-Key"].presence || SecureRandom.uuid
    post = Status.create_with(text: params[:status], visibility: params[:visibility] || "public")
                 .find_or_create_by!(user_id: user.id, idempotency_key: key)
    render json: { id: post.id.to_s, created_at: post.created_at.iso8601(3),
                   visibility: post.visibility, content: "<p>#{ERB::Util.h(post.text)}</p>",
                   url: "#{request.base_url}/@#{user.username}/#{post.id}", account: account(user),
                   application: { name: doorkeeper_token.application.name } }
  end
end

class InstanceController < ApiController
  # https://docs.joinmastodon.org/methods/instance/#v1
  def v1
    render json: { uri: request.host_with_port, title: "End to end", version: VERSION }
  end

  # https://docs.joinmastodon.org/methods/instance/#v2
  def v2
    render json: { domain: request.host_with_port, title: "End to end", version: VERSION,
                   source_url: "https://github.com/mastodon/mastodon" }
  end

  # RFC 8414, since 4.3; app/presenters/oauth_metadata_presenter.rb
  def metadata
    base = request.base_url
    render json: {
      issuer: "#{base}/",
      service_documentation: "https://docs.joinmastodon.org/",
      authorization_endpoint: "#{base}/oauth/authorize",
      token_endpoint: "#{base}/oauth/token",
      app_registration_endpoint: "#{base}/api/v1/apps",
      revocation_endpoint: "#{base}/oauth/revoke",
      scopes_supported: Doorkeeper.config.scopes.to_a,
      response_types_supported: %w[code],
      response_modes_supported: %w[query fragment form_post],
      grant_types_supported: Doorkeeper.config.grant_flows,
      token_endpoint_auth_methods_supported: %w[client_secret_basic client_secret_post],
      code_challenge_methods_supported: %w[S256]
    }
  end

  # RFC 7033; app/controllers/well_known/webfinger_controller.rb
  def webfinger
    name, domain = params[:resource].to_s.delete_prefix("acct:").split("@")
    return head 400 if domain.nil?
    return head 404 unless domain == request.host_with_port && User.exists?(username: name)

    base = request.base_url
    render content_type: "application/jrd+json", json: {
      subject: "acct:#{name}@#{domain}",
      aliases: ["#{base}/@#{name}", "#{base}/users/#{name}"],
      links: [{ rel: "http://webfinger.net/rel/profile-page", type: "text/html",
                href: "#{base}/@#{name}" },
              { rel: "self", type: "application/activity+json", href: "#{base}/users/#{name}" }]
    }
  end

  def nothing
    render json: { error: "The page you are looking for isn't here." }, status: 404
  end
end

Instance.routes.draw do
  use_doorkeeper do
    controllers authorizations: "authorizations"
    skip_controllers :applications, :authorized_applications, :token_info
  end
  get "/auth/sign_in", to: "sessions#new"
  post "/auth/sign_in", to: "sessions#create"
  post "/api/v1/apps", to: "apps#create"
  get "/api/v1/accounts/verify_credentials", to: "accounts#verify_credentials"
  post "/api/v1/statuses", to: "statuses#create"
  get "/api/v1/instance", to: "instance#v1"
  get "/api/v2/instance", to: "instance#v2"
  get "/.well-known/webfinger", to: "instance#webfinger"
  get "/.well-known/oauth-authorization-server", to: "instance#metadata" unless LEGACY
  root to: "instance#nothing"
  match "*path", to: "instance#nothing", via: :all
end

# The tables of Doorkeeper's own migrations, with Mastodon's columns `website` and (since 4.3) PKCE.
ActiveRecord::Migration.suppress_messages do
  ActiveRecord::Schema.define do
    create_table :users do |t|
      t.string :username, :email, :password_digest, null: false
    end
    create_table :statuses do |t|
      t.integer :user_id, null: false
      t.string :text, :visibility, :idempotency_key, null: false
      t.datetime :created_at, null: false
    end
    create_table :oauth_applications do |t|
      t.string :name, :secret, null: false
      t.string :uid, null: false, index: { unique: true }
      t.text :redirect_uri, null: false
      t.string :scopes, null: false, default: ""
      t.boolean :confidential, null: false, default: true
      t.string :website
      t.timestamps null: false
    end
    create_table :oauth_access_grants do |t|
      t.references :resource_owner, :application, null: false
      t.string :token, null: false, index: { unique: true }
      t.integer :expires_in, null: false
      t.text :redirect_uri, null: false
      t.string :scopes, null: false, default: ""
      t.string :code_challenge, :code_challenge_method unless LEGACY
      t.datetime :created_at, null: false
      t.datetime :revoked_at
    end
    create_table :oauth_access_tokens do |t|
      t.references :resource_owner, :application
      t.string :token, null: false, index: { unique: true }
      t.string :refresh_token, :scopes
      t.integer :expires_in
      t.datetime :created_at, null: false
      t.datetime :revoked_at
    end
  end
end

# app/lib/application_extension.rb
Doorkeeper::Application.class_eval do
  validates :name, length: { maximum: 60 }
  validates :redirect_uri, length: { maximum: 2_000 }
  validates :website, length: { maximum: 2_000 }, allow_blank: true,
                      format: { with: %r{\Ahttps?://[^/\s]}, message: "is not a valid URL" }
end

ActiveModel::SecurePassword.min_cost = true
ENV.fetch("ACCOUNTS").split.each do |account|
  name, password = account.split(":", 2)
  User.create!(username: name, email: "#{name}@example.org", password: password)
end

server = Puma::Server.new(Instance)
listener = server.add_tcp_listener("127.0.0.1", Integer(ENV.fetch("PORT", "0")))
server.run
$stdout.puts listener.addr[1]
$stdout.flush
$stdin.read
